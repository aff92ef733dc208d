#include "config/web_config.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/file.h"
#include "config/web_http_reader.h"
#include "config/web_tls_checks.h"
#include "config/web_tls_reader.h"
#include "config/web_words.h"
#include "config/yaml_document.h"
#include "config/yaml_reader.h"

namespace kvmtsc {
namespace {

using Keys = std::vector<std::string_view>;

class Reader {
 public:
  Reader(std::string file, Problems& problems) : file_(std::move(file)), problems_(&problems) {}

  WebConfig read(const YamlNode& document) {
    bool http2 = true;
    for (const YamlEntry& entry : map(document, "",
                                      {"tls_server_config", "http_server_config", "rate_limit",
                                       "basic_auth_users", "kvm_tsc"})) {
      if (entry.name == "tls_server_config") {
        read_tls(entry);
      } else if (entry.name == "http_server_config") {
        http2 = read_web_http(entry, config_, *problems_);
      } else if (entry.name == "rate_limit") {
        config_.rate_limit = read_web_rate_limit(entry, *problems_);
      } else if (entry.name == "basic_auth_users") {
        read_users(entry);
      }
    }
    if (http2) {
      check_http2_suites(config_.tls, tls_line_, *problems_);
    }
    // After the users, whose roles it gives.
    for (const YamlEntry& entry : map_again(document, "kvm_tsc")) {
      read_ours(entry);
    }
    config_.require_auth =
        require_auth_.value_or(!config_.users.empty() || !config_.tokens.empty());
    return std::move(config_);
  }

 private:
  std::vector<YamlEntry> map(const YamlNode& node, std::string_view key, const Keys& known) {
    return read_map(node, key, known, *problems_);
  }

  // The entry of that name, without finding again what map() has found wrong.
  static std::vector<YamlEntry> map_again(const YamlNode& document, std::string_view name) {
    for (std::size_t i = 0; i + 1 < document.items.size(); i += 2) {
      if (document.items[i].text == name) {
        return {{std::string(name), document.items[i].line, &document.items[i + 1]}};
      }
    }
    return {};
  }

  // One that is there and empty asks for nothing.
  void read_tls(const YamlEntry& entry) {
    const auto kind = entry.value->kind;
    config_.has_tls = kind != YamlNode::Kind::kNull &&
                      !(kind == YamlNode::Kind::kMap && entry.value->items.empty());
    if (config_.has_tls) {
      tls_line_ = entry.line;
      config_.tls = read_web_tls(entry, file_, *problems_);
    }
  }

  // The entries of a map whose names are the user's own.
  std::vector<YamlEntry> named(const YamlEntry& entry, const std::string& key) {
    Keys names;
    for (std::size_t i = 0; i < entry.value->items.size(); i += 2) {
      names.push_back(entry.value->items[i].text);
    }
    return map(*entry.value, key, names);
  }

  std::string text(const YamlEntry& entry, const std::string& key, std::string_view takes) {
    return read_text(*entry.value, key, takes, *problems_).value_or("");
  }

  void read_users(const YamlEntry& users) {
    const std::string key = "basic_auth_users";
    for (const YamlEntry& entry : named(users, key)) {
      const std::string hash = text(entry, child_key(key, entry.name), "it takes a bcrypt hash");
      if (!is_user_name(entry.name)) {
        problems_->add(entry.line, child_key(key, entry.name), "nobody can log in by this name",
                       "a name is not empty and has no colon or control character");
      }
      if (!is_bcrypt(hash)) {
        problems_->add(entry.line, child_key(key, entry.name), "this is no bcrypt hash",
                       "make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'");
      }
      config_.users[entry.name].bcrypt = hash;
    }
  }

  void read_ours(const YamlEntry& ours) {
    for (const YamlEntry& entry :
         map(*ours.value, "kvm_tsc", {"require_auth", "users", "tokens"})) {
      const std::string key = child_key("kvm_tsc", entry.name);
      if (entry.name == "require_auth") {
        require_auth_ = read_flag(*entry.value, key, *problems_);
      } else if (entry.name == "users") {
        for (const YamlEntry& user : named(entry, key)) {
          read_user(user, child_key(key, user.name));
        }
      } else if (entry.value->kind != YamlNode::Kind::kList) {
        problems_->add(entry.line, key, "it is not a list", "it takes a list of tokens");
      } else {
        for (const YamlNode& token : entry.value->items) {
          read_token(token, key);
        }
      }
    }
  }

  void read_user(const YamlEntry& user, const std::string& key) {
    const auto known = config_.users.find(user.name);
    if (known == config_.users.end()) {
      problems_->add(user.line, key, "there is no such user", "basic_auth_users lists them");
      return;
    }
    for (const YamlEntry& entry : map(*user.value, key, {"role", "vms"})) {
      read_access(entry, child_key(key, entry.name), known->second.access);
    }
  }

  void read_token(const YamlNode& node, const std::string& key) {
    WebToken token;
    for (const YamlEntry& entry : map(node, key, {"name", "sha256", "role", "vms"})) {
      const std::string name = child_key(key, entry.name);
      if (entry.name == "name") {
        token.name = text(entry, name, "it takes a name");
      } else if (entry.name == "sha256") {
        token.sha256 = text(entry, name, "it takes 64 hexadecimal digits");
      } else {
        read_access(entry, name, token.access);
      }
    }
    if (!is_name(token.name) || !token_names_.insert(token.name).second) {
      problems_->add(node.line, key, "a token has no name, or another one's",
                     "each has a name of its own, in one line, which the audit shows");
    }
    if (!is_sha256(token.sha256)) {
      problems_->add(node.line, key, "sha256 is not 64 hexadecimal digits in lower case",
                     "make it with: printf %s \"$token\" | sha256sum");
    }
    config_.tokens.push_back(std::move(token));
  }

  void read_access(const YamlEntry& entry, const std::string& key, WebAccess& access) {
    if (entry.name == "vms") {
      access.vms = read_texts(*entry.value, key, "it takes a list of names or uuids", *problems_)
                       .value_or(std::vector<std::string>{});
      if (access.vms.empty()) {
        problems_->add(entry.line, key, "the list is empty", "leave it out to mean all VMs");
      }
      if (std::ranges::find(access.vms, "") != access.vms.end()) {
        problems_->add(entry.line, key, "an empty name is no VM's", "leave it out");
      }
      return;
    }
    const std::string role = text(entry, key, "it takes viewer or operator");
    if (role != "viewer" && role != "operator") {
      problems_->add(entry.line, key, in_quotes(role) + " is no role",
                     "it takes viewer or operator");
    }
    access.role = role == "operator" ? WebRole::kOperator : WebRole::kViewer;
  }

  std::string file_;
  Problems* problems_;
  WebConfig config_;
  std::set<std::string> token_names_;
  std::size_t tls_line_ = 0;
  std::optional<bool> require_auth_;
};

}  // namespace

Result<WebConfig> parse_web_config(const std::string& yaml, const std::string& file) {
  Problems problems;
  const auto document = parse_yaml(yaml, problems);
  WebConfig config;
  if (document) {
    config = Reader(file, problems).read(*document);
  }
  if (!problems.empty()) {
    return problems.error(file);
  }
  return config;
}

Result<WebConfig> load_web_config(const std::string& file) {
  const auto text = read_file(file, kMaxConfigBytes);
  if (!text) {
    Error error = text.error();
    error.remedy = "--web.config.file takes a YAML file that this process can read";
    return error;
  }
  return parse_web_config(*text, file);
}

}  // namespace kvmtsc
