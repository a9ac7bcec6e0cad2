// each_millisecond SECONDS PORT ADDRESS...: sends a UDP datagram to every address each millisecond, and says at the end
// for each how many answers came and when the first did (CLOCK_MONOTONIC, ns; 0: none). Run inside pods.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>

namespace {

long long now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

struct Answers {
  long long first_ns = 0;
  long count = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  long long end = now_ns() + std::atoll(argv[1]) * 1'000'000'000LL;
  int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  std::map<std::string, Answers> answers;
  for (int i = 3; i < argc; ++i) answers[argv[i]] = {};
  while (now_ns() < end) {
    for (const auto& [address, known] : answers) {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(static_cast<unsigned short>(std::atoi(argv[2])));
      inet_pton(AF_INET, address.c_str(), &to.sin_addr);
      (void)::sendto(socket, "ping", 4, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
    sockaddr_in from{};
    socklen_t size = sizeof from;
    char bytes[2048];
    while (::recvfrom(socket, bytes, sizeof bytes, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size) >= 0) {
      char text[INET_ADDRSTRLEN] = "";
      inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
      Answers& known = answers[text];
      if (known.count++ == 0) known.first_ns = now_ns();
      size = sizeof from;
    }
    ::usleep(1000);
  }
  for (const auto& [address, known] : answers)
    std::printf("%s %ld %lld\n", address.c_str(), known.count, known.first_ns);
  return 0;
}
