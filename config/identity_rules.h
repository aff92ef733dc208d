// identity.rules: reading and checking.
#pragma once

#include <vector>

#include "config/problems.h"
#include "config/settings.h"
#include "config/yaml_document.h"

namespace kvmtsc {

// The rules in `node`, the value of `identity.rules`: a list of maps, or null for none. A rule
// needs `pattern` and at least one of `name` and `uuid`; `match` is cmdline unless given. Problems
// name "identity.rules[N].KEY", N from 0; with any problem the result is of no use.
std::vector<IdentityRule> read_identity_rules(const YamlNode& node, Problems& problems);

}  // namespace kvmtsc
