// heddlectl over TLS: both sides show certificates, which the test makes.
#include <fstream>
#include <sstream>

#include "policy_fixture.h"

namespace heddle::test {
namespace {

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    make_ca("ca");
    make_ca("other");
    make("server", "ca", "DNS:edge-1.example.org");
    make("local", "ca", "DNS:localhost,IP:127.0.0.1");
    make("client", "ca", "DNS:ann.example.org");
    make("stranger", "other", "DNS:ann.example.org");
    answers_.status = [] {
      v1::PolicyStatus status;
      status.set_version(42);
      return status;
    };
  }

  std::string path(const std::string& name) const { return directory_.path(name); }

  std::string text(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(path(name)).rdbuf();
    return out.str();
  }

  void openssl(std::vector<std::string> words) {
    words.insert(words.begin(), "openssl");
    const Finished finished = run(words);
    ASSERT_EQ(finished.exit_code, 0) << finished.err;
  }

  void make_ca(const std::string& name) {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", path(name + ".key"), "-out", path(name + ".pem"), "-days", "2", "-subj",
             "/CN=" + name});
  }

  void make(const std::string& name, const std::string& ca, const std::string& alternative) {
    openssl({"req",
             "-x509",
             "-newkey",
             "ec",
             "-pkeyopt",
             "ec_paramgen_curve:P-256",
             "-nodes",
             "-keyout",
             path(name + ".key"),
             "-out",
             path(name + ".pem"),
             "-days",
             "2",
             "-subj",
             "/CN=" + name,
             "-addext",
             "subjectAltName=" + alternative,
             "-addext",
             "basicConstraints=critical,CA:FALSE",
             "-CA",
             path(ca + ".pem"),
             "-CAkey",
             path(ca + ".key")});
  }

  std::unique_ptr<FakePolicy> serve(const std::string& name) {
    const ServerPem pem{text(name + ".pem"), text(name + ".key"), text("ca.pem")};
    return std::make_unique<FakePolicy>(pem, answers_);
  }

  Finished status(const FakePolicy& server, const std::string& client, const std::string& ca,
                  std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"status",
                                      "--server",
                                      "tls:127.0.0.1:" + std::to_string(server.port()),
                                      "--cert",
                                      path(client + ".pem"),
                                      "--key",
                                      path(client + ".key"),
                                      "--ca",
                                      path(ca + ".pem")};
    words.insert(words.end(), more.begin(), more.end());
    return heddlectl(words);
  }

  TempDirectory directory_;
  PolicyAnswers answers_;
};

TEST_F(Tls, AnswersWhoIsKnown) {
  const auto server = serve("local");
  const Finished finished = status(*server, "client", "ca");
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_TRUE(finished.out.starts_with("version    42")) << finished.out;
}

TEST_F(Tls, FilesMayComeFromTheEnvironment) {
  const auto server = serve("local");
  const Finished finished =
      heddlectl({"status"}, {"HEDDLE_SERVER=tls:127.0.0.1:" + std::to_string(server->port()),
                             "HEDDLE_CERT=" + path("client.pem"),
                             "HEDDLE_KEY=" + path("client.key"), "HEDDLE_CA=" + path("ca.pem")});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
}

TEST_F(Tls, NameInTheCertificateMustBeTheHostOrTheNameGiven) {
  const auto server = serve("server");
  const Finished other = status(*server, "client", "ca");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("cannot reach heddled at tls:127.0.0.1:"), std::string::npos)
      << other.err;
  const Finished named = status(*server, "client", "ca", {"--server-name", "edge-1.example.org"});
  EXPECT_EQ(named.exit_code, 0) << named.err;
  EXPECT_EQ(status(*server, "client", "ca", {"--server-name", "edge-2.example.org"}).exit_code, 2);
}

TEST_F(Tls, ServerOfAnotherAuthorityIsNotTrusted) {
  const auto server = serve("local");
  EXPECT_EQ(status(*server, "client", "other").exit_code, 2);
}

TEST_F(Tls, ClientOfAnotherAuthorityIsNotTrusted) {
  const auto server = serve("local");
  EXPECT_EQ(status(*server, "stranger", "ca").exit_code, 2);
}

TEST_F(Tls, FilesThatAreMissingOrNoPem) {
  const std::vector<std::string> server = {"status", "--server", "tls:127.0.0.1:1"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), server.begin(), server.end());
    const Finished finished = heddlectl(more);
    EXPECT_EQ(finished.exit_code, 2);
    return finished.err;
  };
  EXPECT_EQ(with({}),
            "heddlectl: tls:127.0.0.1:1 needs --cert, --key and --ca (HEDDLE_CERT, HEDDLE_KEY, "
            "HEDDLE_CA)\n");
  EXPECT_EQ(with({"--cert", path("no.pem"), "--key", path("client.key"), "--ca", path("ca.pem")}),
            "heddlectl: --cert: cannot open " + path("no.pem") + ": No such file or directory\n");
  std::ofstream(path("text")) << "hello";
  EXPECT_EQ(with({"--cert", path("client.pem"), "--key", path("text"), "--ca", path("ca.pem")}),
            "heddlectl: --key: " + path("text") + " is not in PEM form\n");
  const Finished nobody =
      heddlectl({"status", "--server", "tls:[::1]:1", "--cert", path("client.pem"), "--key",
                 path("client.key"), "--ca", path("ca.pem")});
  EXPECT_EQ(nobody.exit_code, 2);
  EXPECT_TRUE(nobody.err.starts_with("heddlectl: cannot reach heddled at tls:[::1]:1: "))
      << nobody.err;
}

TEST_F(Tls, OptionsAreNotForUnixSockets) {
  const Finished finished = heddlectl({"status", "--ca", path("ca.pem")});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.err,
            "heddlectl: --cert, --key, --ca and --server-name are for --server tls:HOST:PORT\n");
}

TEST(TlsAddress, IsHostAndPort) {
  for (const char* address : {"tls:", "tls:host", "tls::80", "tls:host:0", "tls:host:65536",
                              "tls:fd00::1:80", "tls:a b:80", "tls:host:x", "tls:[]:80"}) {
    const Finished finished = heddlectl({"status", "--server", address});
    EXPECT_EQ(finished.exit_code, 2);
    EXPECT_EQ(finished.err, std::string("heddlectl: --server: expected tls:HOST:PORT or "
                                        "tls:[IPV6]:PORT, not '") +
                                address + "'\n");
  }
}

}  // namespace
}  // namespace heddle::test
