// Preprocessed by the tests of this folder with one layer's include path; PROBED is a header.
#include PROBED
