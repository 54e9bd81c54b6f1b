// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

// Servers as child processes, on core 0 unless told otherwise, ended when these go. Any failure ends the
// program with a message.
namespace altlas::bench {

constexpr int kEveryCore = -1;
// Puts the calling thread, and what it starts, on one core, or on every one.
void PinTo(int core);

class ServerUnderTest {
 public:
  // `alt_las serve` with this configuration text, over the echo worker with these arguments; waits until it
  // answers. `build` is a build folder.
  static ServerUnderTest AltLas(const std::filesystem::path& build, const std::string& config,
                                const std::string& worker_arguments, int core = 0);
  // RunRawEpollServer with this body as its answer.
  static ServerUnderTest RawEpoll(const std::string& answer_body);
  // nginx with `return 200`, where it is installed; port() is 0 otherwise.
  static ServerUnderTest Nginx(const std::string& answer_body);

  ServerUnderTest(ServerUnderTest&& other) noexcept;
  ServerUnderTest& operator=(ServerUnderTest&&) = delete;
  ~ServerUnderTest();

  std::uint16_t port() const { return port_; }
  const std::string& key() const { return key_; }
  // Processor time of all its threads so far (not its workers'), in microseconds.
  double CpuMicroseconds() const;

 private:
  ServerUnderTest() = default;
  void Start(int core, const std::function<void()>& child);

  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
  std::string key_;
  std::filesystem::path folder_;
};

}  // namespace altlas::bench
