# Greets who opens `lab shell`.
cd "$LAB_SOURCE" || exit
PS1='lab:\w# '
cat <<TEXT
A lab host: $(uname -r), KVM with real TSC offsets, this machine's root read-only.
/tmp, /var/tmp and /run are its own; build/bin is in the PATH. Leave with "exit".
TEXT
PATH=$LAB_SOURCE/build/bin:$PATH
