#include "exporter/http/loopback_peer.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include <netinet/in.h>

#include "base/unique_fd.h"

namespace kvmtsc::http {
namespace {

constexpr std::uint8_t kEstablished = 1;  // TCP_ESTABLISHED (include/net/tcp_states.h)

struct Question {
  nlmsghdr header{};
  inet_diag_req_v2 body{};
};

void put(const sockaddr_storage& name, __be16& port, __be32* address) {
  if (name.ss_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(name);
    port = ipv6.sin6_port;
    std::memcpy(address, &ipv6.sin6_addr, sizeof(ipv6.sin6_addr));
  } else {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(name);
    port = ipv4.sin_port;
    std::memcpy(address, &ipv4.sin_addr, sizeof(ipv4.sin_addr));
  }
}

// Of the socket whose own address is our peer's.
std::optional<Question> question_about(int socket) {
  sockaddr_storage ours{};
  sockaddr_storage theirs{};
  socklen_t our_size = sizeof(ours);
  socklen_t their_size = sizeof(theirs);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&ours), &our_size) != 0 ||
      ::getpeername(socket, reinterpret_cast<sockaddr*>(&theirs), &their_size) != 0 ||
      (theirs.ss_family != AF_INET && theirs.ss_family != AF_INET6)) {
    return std::nullopt;
  }
  Question question;
  question.header.nlmsg_len = sizeof(question);
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.body.sdiag_family = static_cast<std::uint8_t>(theirs.ss_family);
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_states = ~0U;
  put(theirs, question.body.id.idiag_sport, question.body.id.idiag_src);
  put(ours, question.body.id.idiag_dport, question.body.id.idiag_dst);
  question.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  question.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return question;
}

}  // namespace

std::optional<std::uint32_t> loopback_uid(int socket) {
  const auto question = question_about(socket);
  const UniqueFd netlink(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!question || !netlink.valid() ||
      ::send(netlink.get(), &*question, sizeof(*question), 0) != sizeof(*question)) {
    return std::nullopt;
  }
  alignas(nlmsghdr) std::array<char, 4096> answer{};
  // The kernel answers within send(2).
  const ssize_t got = ::recv(netlink.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  const auto* const header = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(inet_diag_msg))) ||
      header->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
    return std::nullopt;
  }
  const auto* const socket_there =
      reinterpret_cast<const inet_diag_msg*>(answer.data() + NLMSG_HDRLEN);
  // A socket that its process has closed belongs to nobody, which the kernel gives as 0.
  return socket_there->idiag_state == kEstablished && socket_there->idiag_inode != 0
             ? std::optional{socket_there->idiag_uid}
             : std::nullopt;
}

}  // namespace kvmtsc::http
