#include "config/yaml_document.h"

#include <algorithm>
#include <exception>
#include <sstream>
#include <string_view>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/utf8.h"

namespace kvmtsc {
namespace {

// Put behind the text. yaml-cpp lets the end of the file close a quote, so that one forgotten quote
// would swallow all keys below it; a comment without a line break makes it look.
constexpr std::string_view kEndMark = "\n#";

std::size_t line_of(const YAML::Mark& mark) {
  return mark.line < 0 ? 0 : static_cast<std::size_t>(mark.line) + 1;
}

// Builds the tree. Once a limit is passed or something is refused it keeps the parser company, but
// stores nothing more: yaml-cpp offers no way to stop it but an exception.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  bool refused() const { return refused_; }
  std::size_t last_line() const { return last_line_; }
  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2) {
      refuse(line_of(mark), "a second document begins here", "the file takes one YAML document");
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(YamlNode::Kind::kNull, mark, "", anchor, {});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(YamlNode::Kind::kNull, mark, "", anchor, {});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    leaf(YamlNode::Kind::kScalar, mark, tag, anchor, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  void refuse(std::size_t line, std::string_view what, std::string_view takes) {
    if (!refused_) {
      problems_.add(line, {}, what, takes);
    }
    refused_ = true;
  }

  // The new node, or nullptr once refused.
  YamlNode* add(YamlNode::Kind kind, const YAML::Mark& mark, std::string_view tag,
                YAML::anchor_t anchor) {
    std::size_t line = line_of(mark);
    if (kind == YamlNode::Kind::kNull && !ancestors_.empty() &&
        ancestors_.back()->items.size() % 2 == 1 &&
        ancestors_.back()->kind == YamlNode::Kind::kMap) {
      line = ancestors_.back()->items.back().line;  // its key's: yaml-cpp gives the next token's
    }
    last_line_ = line;
    if (anchor != 0) {
      refuse(line, "anchors and aliases (& and *) are not accepted", "write the value out");
    } else if (!tag.empty() && tag != "?" && tag != "!") {  // what yaml-cpp says of no tag
      refuse(line, "tags (!) are not accepted", "put a value that begins with ! in quotes");
    } else if (++nodes_ > kMaxYamlNodes) {
      refuse(line, "too many values", "the file takes " + std::to_string(kMaxYamlNodes));
    } else if (ancestors_.size() >= kMaxYamlDepth) {
      refuse(line, "nested too deeply",
             "the file takes " + std::to_string(kMaxYamlDepth) + " levels");
    }
    if (refused_) {
      return nullptr;
    }
    YamlNode* node = &root_;
    if (!ancestors_.empty()) {
      node = &ancestors_.back()->items.emplace_back();
    }
    node->kind = kind;
    node->line = line;
    return node;
  }

  void leaf(YamlNode::Kind kind, const YAML::Mark& mark, std::string_view tag,
            YAML::anchor_t anchor, std::string_view text) {
    YamlNode* node = add(kind, mark, tag, anchor);
    if (node == nullptr) {
      return;
    }
    node->text = text;
    // yaml-cpp makes lone bytes of some escapes. A NUL is not text to to_valid_utf8() either, and
    // the reader's to judge.
    std::string without_nul = node->text;
    std::ranges::replace(without_nul, '\0', ' ');
    if (to_valid_utf8(without_nul, std::max<std::size_t>(text.size(), 3)) != without_nul) {
      refuse(node->line, "an escape that is no UTF-8 text", "write the character itself");
    }
  }
  void open(YamlNode::Kind kind, const YAML::Mark& mark, std::string_view tag,
            YAML::anchor_t anchor) {
    YamlNode* node = add(kind, mark, tag, anchor);
    if (node != nullptr) {
      ancestors_.push_back(node);
    }
  }
  void close() {
    if (!refused_) {
      ancestors_.pop_back();
    }
  }

  Problems& problems_;
  YamlNode root_;
  // Each is the last item of the one before, which gets no further item while it is open: the
  // pointers stay valid.
  std::vector<YamlNode*> ancestors_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  std::size_t last_line_ = 1;
  bool refused_ = false;
};

bool is_control(unsigned char c) {
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

// yaml-cpp guesses UTF-16 and UTF-32 from the first bytes, replaces what is not UTF-8, and takes
// 0x04 for the end of the file: all of that is kept from it.
bool check_characters(const std::string& yaml, Problems& problems) {
  std::size_t line = 1;
  std::size_t begin = 0;
  while (begin < yaml.size()) {
    const std::size_t end = std::min(yaml.find('\n', begin), yaml.size());
    const std::string_view piece = std::string_view(yaml).substr(begin, end - begin);
    // Well-formed text comes back unchanged (and a NUL does not).
    if (to_valid_utf8(piece, std::max<std::size_t>(piece.size(), 3)) != piece) {
      problems.add(line, {}, "bytes that are not UTF-8 text", "the file takes UTF-8");
      return false;
    }
    if (std::any_of(piece.begin(), piece.end(), is_control)) {
      problems.add(line, {}, "a control character", "the file takes printable text");
      return false;
    }
    begin = end + 1;
    ++line;
  }
  return true;
}

}  // namespace

std::optional<YamlNode> parse_yaml(const std::string& yaml, Problems& problems) {
  if (yaml.size() > kMaxConfigBytes) {
    problems.add(0, {}, "longer than " + std::to_string(kMaxConfigBytes) + " bytes",
                 "a configuration file takes at most that");
    return std::nullopt;
  }
  if (!check_characters(yaml, problems)) {
    return std::nullopt;
  }
  TreeBuilder builder(problems);
  try {
    std::istringstream stream(std::string(yaml).append(kEndMark));
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(builder)) {
      parser.HandleNextDocument(builder);  // refuses itself
    }
  } catch (const YAML::Exception& error) {
    if (!builder.refused() && error.msg == YAML::ErrorMsg::EOF_IN_SCALAR) {
      problems.add(builder.last_line(), {},
                   "not YAML: a quote that is opened here or below is never closed", "close it");
    } else if (!builder.refused()) {
      problems.add(line_of(error.mark), {}, "not YAML: " + error.msg,
                   "check indentation (spaces, no tabs), colons and quotes");
    }
    return std::nullopt;
  } catch (const std::exception& error) {
    problems.add(0, {}, std::string("not readable as YAML: ") + error.what(), {});
    return std::nullopt;
  }
  if (builder.refused()) {
    return std::nullopt;
  }
  return builder.take_root();
}

}  // namespace kvmtsc
