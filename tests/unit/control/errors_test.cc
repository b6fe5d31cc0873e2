// heddlectl when things are wrong: the command line, the server, the reader of its output.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "fake_node.h"
#include "process.h"
#include "server/server.h"

namespace heddle::server {
namespace {

using test::Descriptor;
using test::Finished;
using test::heddlectl;

struct Refused {
  const char* name;
  std::vector<std::string> words;
  const char* error;  // after "heddlectl: "
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }

class Usage : public testing::TestWithParam<Refused> {};

TEST_P(Usage, IsRefusedInOneSentence) {
  const Finished finished = heddlectl(GetParam().words);
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(finished.err, std::string("heddlectl: ") + GetParam().error + '\n');
}

const Refused kRefused[] = {
    {"Nothing",
     {},
     "one of these must follow: apply, diff, delete, get, describe, history, rollback, status, "
     "explain, check, show, flows, top, tap, ca, version, completion (--help)"},
    {"ShowWhat",
     {"show"},
     "show: one of these must follow: ports, workers, graph, drops, neighbors, routes, rules, "
     "clusters, workloads, access, breakers, outliers, jwt, limits, services, "
     "endpoints, flows, connections, peers, listeners, tcp, tls, secrets, version (--help)"},
    {"Misspelt", {"shwo", "ports"}, "unknown command 'shwo' (did you mean 'show'?)"},
    {"MisspeltBelow", {"show", "prts"}, "show: unknown command 'prts' (did you mean 'ports'?)"},
    {"AbbreviatedBelow",
     {"show", "neigh"},
     "show: unknown command 'neigh' (did you mean 'neighbors'?)"},
    {"ShowLeftOut", {"ports"}, "unknown command 'ports' (did you mean 'show ports'?)"},
    {"NothingNear",
     {"completion", "powershell"},
     "completion: unknown command 'powershell' (known: bash)"},
    {"OneTooMany", {"show", "ports", "wan"}, "show ports: unexpected 'wan'"},
    {"TwoCommands", {"show", "ports", "workers"}, "show ports: unexpected 'workers'"},
    {"UnknownOption",
     {"show", "ports", "--tiemout=3"},
     "show ports: unknown option '--tiemout=3' (did you mean '--timeout'?)"},
    {"OptionOfAnother", {"show", "ports", "--all"}, "show ports: unknown option '--all'"},
    {"ControlCharacters",
     {"\x1b[31m"},
     "unknown command '?[31m' (known: apply, diff, delete, get, describe, history, rollback, "
     "status, explain, check, show, flows, top, tap, ca, version, completion)"},
    {"NoValue", {"show", "ports", "-o"}, "--output: takes one value, once"},
    {"Twice", {"show", "ports", "-o", "json", "-o", "yaml"}, "--output: takes one value, once"},
    {"Format", {"show", "ports", "-o", "xml"}, "--output: expected table, json or yaml, not 'xml'"},
    {"TimeoutZero",
     {"show", "ports", "--timeout", "0"},
     "--timeout: expected seconds from 0.001 to 3600, not '0'"},
    {"TimeoutNotANumber",
     {"show", "ports", "--timeout", "nan"},
     "--timeout: expected seconds from 0.001 to 3600, not 'nan'"},
    {"TimeoutForever",
     {"show", "ports", "--timeout", "inf"},
     "--timeout: expected seconds from 0.001 to 3600, not 'inf'"},
    {"OtherScheme",
     {"--server", "localhost:80", "show", "ports"},
     "--server: expected unix:PATH or tls:HOST:PORT, not 'localhost:80'"},
    {"NoFile", {"apply"}, "--filename is required"},
    {"ExpectedVersion",
     {"apply", "-f", "x", "--expected-version", "-1"},
     "--expected-version: expected a number, not '-1'"},
    {"SourcePort",
     {"explain", "--from", "a/b", "--source-port", "65536", "tcp", "a/b:1"},
     "--source-port: expected a number from 0 to 65535, not '65536'"},
    {"HistoryOfNothing", {"history", "0"}, "VERSION: expected a number from 1 on, not '0'"},
    {"MisspeltPolicy", {"aply"}, "unknown command 'aply' (did you mean 'apply'?)"},
    {"OneWordTooMany", {"get", "service", "a", "b"}, "get: unexpected 'b'"},
    {"EmptyPath",
     {"--server", "unix:", "show", "ports"},
     "--server: the path of the socket is empty"},
    {"TwoFormats",
     {"show", "graph", "--dot", "-o", "json"},
     "show graph: --dot is a format of its own, -o is another"},
};

INSTANTIATE_TEST_SUITE_P(Words, Usage, testing::ValuesIn(kRefused),
                         [](const auto& refused) { return std::string(refused.param.name); });

TEST(Help, HasExamplesAndSucceedsAtEveryLevel) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--help"},
                                                                 {"show", "--help"},
                                                                 {"show", "drops", "-h"},
                                                                 {"apply", "--help"},
                                                                 {"diff", "--help"},
                                                                 {"delete", "--help"},
                                                                 {"get", "--help"},
                                                                 {"describe", "--help"},
                                                                 {"history", "--help"},
                                                                 {"rollback", "--help"},
                                                                 {"status", "--help"},
                                                                 {"explain", "--help"},
                                                                 {"show", "flows", "--help"},
                                                                 {"show", "connections", "--help"},
                                                                 {"show", "tcp", "--help"},
                                                                 {"flows", "--help"},
                                                                 {"flows", "flush", "--help"},
                                                                 {"version", "--help"},
                                                                 {"completion", "--help"}}) {
    const Finished finished = heddlectl(words);
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_EQ(finished.err, "");
    const size_t options = finished.out.find("Options:");
    EXPECT_NE(finished.out.find("heddlectl ", options), std::string::npos) << finished.out;
  }
}

class WrongServer : public testing::Test {
 protected:
  Finished ask(std::vector<std::string> words) {
    return heddlectl(words, {"HEDDLE_SERVER=unix:" + path_});
  }

  test::TempDirectory directory_;
  std::string path_ = directory_.path("heddled.sock");
};

TEST_F(WrongServer, NoSocket) {
  const Finished finished = ask({"show", "ports"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.err, "heddlectl: cannot reach heddled at unix:" + path_ +
                              ": no such socket; is heddled running? (--server)\n");
}

TEST_F(WrongServer, SocketOfADeadProcess) {
  {
    const Descriptor dead = test::listen_on(path_);
  }
  const Finished finished = ask({"show", "ports"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.err, "heddlectl: cannot reach heddled at unix:" + path_ +
                              ": nobody listens there; is heddled running? (--server)\n");
}

TEST_F(WrongServer, SocketThatNeverAnswers) {
  const Descriptor silent = test::listen_on(path_);
  const Finished finished = ask({"show", "ports", "--timeout", "0.2"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.err,
            "heddlectl: heddled at unix:" + path_ + " did not answer within 0.2 s (--timeout)\n");
}

TEST_F(WrongServer, SocketThatSpeaksSomethingElse) {
  const Descriptor listening = test::listen_on(path_);
  const std::jthread babbler([&] {
    const Descriptor client(::accept(listening.fd(), nullptr, nullptr));
    EXPECT_GT(::send(client.fd(), "220 mail.example.org\r\n", 22, MSG_NOSIGNAL), 0);
  });
  const Finished finished = ask({"show", "ports"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_TRUE(finished.err.starts_with("heddlectl: cannot reach heddled at unix:" + path_ +
                                       ": something listens there, but the connection failed"))
      << finished.err;
}

TEST_F(WrongServer, OwnVersionIsStillSaid) {
  const Finished finished = ask({"version"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_TRUE(finished.out.starts_with("heddlectl "));
  EXPECT_NE(finished.err.find("no such socket"), std::string::npos);
}

// Answers one call as a gRPC server that refuses does, with trailers alone (RFC 9113 frames,
// RFC 7541 literals without indexing), until the client closes.
void refuse_one(int listening, const std::string& status, const std::string& message) {
  const Descriptor client(::accept(listening, nullptr, nullptr));
  const auto literal = [](const std::string& name, const std::string& value) {
    return std::string(1, '\0') + static_cast<char>(name.size()) + name +
           static_cast<char>(value.size()) + value;
  };
  const std::string block = '\x88' + literal("content-type", "application/grpc") +
                            literal("grpc-status", status) + literal("grpc-message", message);
  const auto frame = [](size_t length, char type, char flags, char stream) {
    return std::string{0, 0, static_cast<char>(length), type, flags, 0, 0, 0, stream};
  };
  const std::string settings = frame(0, 4, 0, 0) + frame(0, 4, 1, 0);
  EXPECT_GT(::send(client.fd(), settings.data(), settings.size(), MSG_NOSIGNAL), 0);
  const std::string answer = frame(block.size(), 1, 5, 1) + block;
  // gRPC sends header values as plain literals, so the request can be seen without HPACK.
  std::string seen;
  char buffer[4096];
  bool answered = false;
  for (ssize_t n; (n = ::recv(client.fd(), buffer, sizeof(buffer), 0)) > 0;) {
    seen.append(buffer, static_cast<size_t>(n));
    if (answered || seen.find("application/grpc") == std::string::npos) continue;
    answered = ::send(client.fd(), answer.data(), answer.size(), MSG_NOSIGNAL) > 0;
  }
  EXPECT_TRUE(answered);
}

TEST_F(WrongServer, CallThatTheServerDoesNotKnow) {
  const Descriptor listening = test::listen_on(path_);
  const std::jthread server([&] { refuse_one(listening.fd(), "12", "no such method"); });
  const Finished finished = ask({"show", "ports"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_EQ(finished.err, "heddlectl: heddled at unix:" + path_ +
                              " does not know this request: it is of another version than "
                              "heddlectl (heddlectl version)\n");
}

TEST_F(WrongServer, CallThatTheServerRefuses) {
  const Descriptor listening = test::listen_on(path_);
  const std::jthread server([&] { refuse_one(listening.fd(), "8", "too much at once"); });
  const Finished finished = ask({"show", "ports"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_EQ(finished.err, "heddlectl: heddled at unix:" + path_ + " refused: too much at once\n");
}

TEST(Environment, ServerIsCheckedLikeTheOption) {
  const Finished finished = heddlectl({"show", "ports"}, {"HEDDLE_SERVER=tcp:nowhere"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.err,
            "heddlectl: --server: expected unix:PATH or tls:HOST:PORT, not 'tcp:nowhere'\n");
}

class Shell : public WrongServer {
 protected:
  // Runs a line of bash in which $heddlectl asks a server.
  Finished bash(const std::string& line) {
    auto server = Server::start(path_, node_);
    EXPECT_TRUE(server);
    const std::string program = std::getenv("HEDDLECTL");
    return test::run({"bash", "-c", "heddlectl=" + program + "; " + line},
                     {"HEDDLE_SERVER=unix:" + path_});
  }
  FakeNode node_;
};

TEST_F(Shell, ReaderThatGoesAwayIsNoFailure) {
  const Finished finished = bash("{ $heddlectl show ports; echo $? >&2; } | true");
  EXPECT_EQ(finished.err, "0\n");
}

TEST_F(Shell, OutputThatCannotBeWrittenIsAFailure) {
  const Finished full = bash("$heddlectl show ports >/dev/full");
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_EQ(full.err, "heddlectl: cannot write the answer: No space left on device\n");
  const Finished closed = bash("$heddlectl show ports >&-");
  EXPECT_EQ(closed.exit_code, 2);
  EXPECT_EQ(closed.err, "heddlectl: cannot write the answer: Bad file descriptor\n");
}

TEST_F(Shell, CompletionKnowsCommandsOptionsAndChoices) {
  const Finished finished = bash(R"(source <($heddlectl completion bash)
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _heddlectl; echo "${COMPREPLY[*]}"; }
try heddlectl sh
try heddlectl get ro
try heddlectl get --all-
try heddlectl describe -n shop end
try heddlectl explain --from x u
try heddlectl apply -f /dev/nul
try heddlectl show po
try heddlectl show drops --a
try heddlectl show ports --v
try heddlectl --all show w
try heddlectl -o j
try heddlectl --output = y
try heddlectl -o json show n
try heddlectl --server unix : /run/show show r
try heddlectl --timeout show show g
try heddlectl show fl
try heddlectl show flows --so
try heddlectl show flows --state t
try heddlectl show flows --top se
try heddlectl flows f
try heddlectl flows flush --re
try heddlectl show endpoints --servi
try heddlectl show conn
try heddlectl show connections --state TIME
try heddlectl show connections --su
try heddlectl show connections -n shop --li
try heddlectl show li
try heddlectl show tcp --al
complete -p heddlectl)");
  EXPECT_EQ(finished.err, "");
  EXPECT_EQ(finished.out,
            "show\nroute\n--all-namespaces\nendpointset\nudp\n/dev/null\nports\n--all\n--"
            "verbose\nworkers workloads\njson\nyaml\nneighbors\nroutes "
            "rules\ngraph\nflows\n--source\ntime_"
            "wait\nservice\nflush\n--reset\n--service\n"
            "connections\nTIME-WAIT\n--sum\n--limit\nlimits listeners\n--all\n"
            "complete -F _heddlectl heddlectl\n");
}

}  // namespace
}  // namespace heddle::server
