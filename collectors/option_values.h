// What options' values hold: lists of keys, paths of sockets, QEMU's configuration files. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvmtsc {

// Of a list as QEMU reads it (util/qemu-option.c), "key=value,...", the last value of `key`; a
// comma in a value is doubled. The first part may go without a key, and is `implied`'s then.
std::optional<std::string> qemu_key(std::string_view list, std::string_view key,
                                    std::string_view implied);

// Value of the first `key` in "key=value,...", where a comma inside of [] or "" does not separate;
// empty if there is none.
std::string_view value_in_list(std::string_view list, std::string_view key);

// Of PATH, "path=PATH" or "path=PATH,..."; empty of "fd=N".
std::string_view socket_path(std::string_view value);

// The last component without .sock or .socket.
std::string_view socket_name(std::string_view path);

// Value of the last `key` of the sections [section] of a file as -readconfig takes it
// (util/qemu-config.c): headers [group] or [group "id"], lines KEY = "VALUE", comments after #.
std::optional<std::string> qemu_config_key(std::string_view text, std::string_view section,
                                           std::string_view key);

// 32 hexadecimal digits as 8-4-4-4-12.
bool is_uuid(std::string_view text);

std::string_view base_name(std::string_view path);

}  // namespace kvmtsc
