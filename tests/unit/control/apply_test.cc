// apply, diff, delete, history and rollback.
#include "policy_fixture.h"
#include "resource/kinds.h"

namespace heddle::test {
namespace {

constexpr const char* kCart = R"(kind: Service
metadata: { name: cart, namespace: shop }
spec:
  addresses: [10.96.0.20]
---
kind: Route
metadata: { name: cart, namespace: shop }
spec:
  service: cart
  tcp:
    - backends:
        - { service: catr }
)";

class Apply : public PolicyTest {
 protected:
  // Takes everything, as version 42 on four workers.
  void accept() {
    answers_.apply = [this](const v1::ApplyRequest& request) {
      sent_ = request;
      v1::ApplyResponse response;
      response.set_version(42);
      response.set_workers(4);
      response.set_live_us(812);
      response.set_dry_run(request.dry_run());
      response.set_added(static_cast<uint32_t>(request.upserts_size()));
      response.set_deleted(static_cast<uint32_t>(request.deletes_size()));
      return response;
    };
  }

  std::vector<std::string> sent() const {
    std::vector<std::string> keys;
    for (const v1::Resource& resource : sent_.upserts())
      keys.push_back(resource::text_of(resource::key_of(resource)));
    for (const v1::ResourceKey& key : sent_.deletes())
      keys.push_back("- " + resource::text_of(key));
    return keys;
  }

  v1::ApplyRequest sent_;
};

TEST_F(Apply, SaysWhatIsLiveAndSinceWhen) {
  accept();
  EXPECT_EQ(out({"apply", "-f", file("mesh.yaml", kCart), "-m", "half to v2"}),
            "version 42 live on 4/4 workers in 0.8 ms (0 changed, 2 added, 0 deleted); 0 live "
            "flows cut\n");
  EXPECT_EQ(sent(), (std::vector<std::string>{"Service shop/cart", "Route shop/cart"}));
  EXPECT_EQ(sent_.upserts(1).route().tcp(0).backends(0).service(), "catr");
  EXPECT_EQ(sent_.message(), "half to v2");
  EXPECT_EQ(sent_.author(), "ann");
  EXPECT_FALSE(sent_.has_expected_version());
  EXPECT_FALSE(sent_.dry_run());
}

TEST_F(Apply, OptionsAreSent) {
  accept();
  EXPECT_EQ(out({"apply", "--filename", file("mesh.yaml", kCart), "--dry-run", "--expected-version",
                 "0", "--author", "bob"}),
            "dry run: 0 changed, 2 added, 0 deleted; version 42 stays\n");
  EXPECT_TRUE(sent_.dry_run());
  EXPECT_TRUE(sent_.has_expected_version());
  EXPECT_EQ(sent_.expected_version(), 0u);
  EXPECT_EQ(sent_.author(), "bob");
}

TEST_F(Apply, SaysWhenAWorkerIsNotThereAndWhatWasCut) {
  answers_.apply = [](const v1::ApplyRequest&) {
    v1::ApplyResponse response;
    response.set_version(42);
    response.set_workers(3);
    response.set_workers_total(4);
    response.set_live_us(2'000'000);
    response.set_changed(1);
    response.set_flows_cut(1);
    return response;
  };
  EXPECT_EQ(out({"apply", "-f", file("mesh.yaml", kCart)}),
            "version 42 live on 3/4 workers in 2,000.0 ms (1 changed, 0 added, 0 deleted); 1 live "
            "flow cut\n");
}

TEST_F(Apply, NothingToChange) {
  answers_.apply = [](const v1::ApplyRequest&) {
    v1::ApplyResponse response;
    response.set_version(42);
    return response;
  };
  EXPECT_EQ(out({"apply", "-f", file("mesh.yaml", kCart)}), "nothing to change: version 42\n");
}

TEST_F(Apply, ProblemsOfHeddledHaveFileAndLine) {
  answers_.apply = [](const v1::ApplyRequest&) {
    v1::ApplyResponse response;
    v1::Problem& one = *response.add_problems();
    one.set_upsert(1);
    *one.mutable_key() = key("Route", "shop", "cart");
    one.set_field("spec.tcp[0].backends[0].service");
    one.set_message("no Service \"catr\" in namespace shop (did you mean \"cart\"?)");
    v1::Problem& two = *response.add_problems();
    two.set_upsert(0);
    *two.mutable_key() = key("Service", "shop", "cart");
    two.set_field("spec.ports");
    two.set_message("missing\x1b[31m");
    response.add_problems()->set_message("the version is 43, not the expected 42");
    response.set_problems_cut(true);
    return response;
  };
  const std::string path = file("broken.yaml", kCart);
  EXPECT_EQ(err(1, {"apply", "-f", path}),
            path +
                ":12: Route shop/cart: tcp[0].backends[0].service: no Service \"catr\" in "
                "namespace shop (did you mean \"cart\"?)\n" +
                path + ":3: Service shop/cart: ports: missing?[31m\n" +
                "the version is 43, not the expected 42\n"
                "and more\n"
                "nothing was changed\n");
  const Finished json = heddlectl({"apply", "-f", path, "-o", "json"});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_NE(json.out.find("\"line\": 12,\n      \"kind\": \"Route\""), std::string::npos)
      << json.out;
  EXPECT_EQ(json.err, "heddlectl: nothing was changed\n");
}

TEST_F(Apply, ProblemsOfFilesAreToldWithoutAskingHeddled) {
  bool asked = false;
  answers_.apply = [&](const v1::ApplyRequest&) {
    asked = true;
    return v1::ApplyResponse();
  };
  const std::string path =
      file("broken.yaml", "kind: Service\nmetadata: {name: a}\nspec: {adresses: [], ports: 1}\n");
  for (const char* command : {"apply", "diff", "delete"}) {
    EXPECT_EQ(err(1, {command, "-f", path}),
              path +
                  ":3: Service default/a: adresses: unknown field; expected one of addresses, "
                  "ports, selector, forwarding, fallback, source_mapping (did you mean "
                  "\"addresses\"?)\n" +
                  path +
                  ":3: Service default/a: ports: is a single value; expected a list\n"
                  "nothing was changed\n");
  }
  EXPECT_FALSE(asked);
}

TEST_F(Apply, OneResourceInTwoFiles) {
  const std::string one = file("a.yaml", "kind: Service\nmetadata: {name: a}\nspec: {}\n");
  const std::string two = file("b.yaml", "# b\nkind: Service\nmetadata: {name: a}\nspec: {}\n");
  EXPECT_EQ(err(1, {"apply", "-f", one, "-f", two}),
            two + ":2: Service default/a: given twice; it is in " + one +
                ":1 too\nnothing was changed\n");
}

TEST_F(Apply, DirectoriesAreReadInOrderWithoutHiddenFiles) {
  accept();
  const auto service = [](const std::string& name) {
    return "{kind: Service, metadata: {name: " + name + "}, spec: {}}";
  };
  file("d/b.yaml", service("b"));
  file("d/a.yml", service("a"));
  file("d/c/d.json", R"({"kind": "Service", "metadata": {"name": "d"}, "spec": {}})");
  file("d/.hidden.yaml", service("x"));
  file("d/.hidden/e.yaml", service("x"));
  file("d/notes.txt", "no resources");
  std::filesystem::create_symlink(directory_.path("d"), directory_.path("d/loop"));
  out({"apply", "-f", directory_.path("d"), "-n", "shop"});
  EXPECT_EQ(sent(),
            (std::vector<std::string>{"Service shop/a", "Service shop/b", "Service shop/d"}));
}

TEST_F(Apply, StandardInputAndPipes) {
  accept();
  file("a.yaml", "{kind: Service, metadata: {name: a}, spec: {}}");
  file("b.yaml", "{kind: Service, metadata: {name: b}, spec: {}}");
  const std::string program = std::getenv("HEDDLECTL");
  const Finished finished = run({"bash", "-c",
                                 program + " apply -f - -f <(cat " + directory_.path("b.yaml") +
                                     ") <" + directory_.path("a.yaml")},
                                environment());
  EXPECT_EQ(finished.err, "");
  EXPECT_EQ(sent(), (std::vector<std::string>{"Service default/a", "Service default/b"}));
  const Finished broken =
      run({"bash", "-c", "echo kind: X | " + program + " apply -f -"}, environment());
  EXPECT_TRUE(broken.err.starts_with("<stdin>:1: kind: \"X\" is none of ")) << broken.err;
}

TEST_F(Apply, FilesThatCannotBe) {
  const std::string missing = directory_.path("missing.yaml");
  EXPECT_EQ(err(2, {"apply", "-f", missing}),
            "heddlectl: cannot open " + missing + ": No such file or directory\n");
  std::filesystem::create_directory(directory_.path("empty"));
  EXPECT_EQ(err(2, {"apply", "-f", directory_.path("empty")}),
            "heddlectl: " + directory_.path("empty") + " has no *.yaml, *.yml or *.json\n");
  const std::string nothing = file("nothing.yaml", "# nothing\n");
  EXPECT_EQ(err(2, {"apply", "-f", nothing}), "heddlectl: no resources in " + nothing + "\n");
  EXPECT_EQ(err(2, {"apply", "-f", "-", "-f", "-"}),
            "heddlectl: -f -: standard input can be read once\n");
  EXPECT_EQ(err(2, {"apply", "-f", "/dev/zero"}),
            "heddlectl: /dev/zero has more than the 67108864 bytes that may be read\n");
}

TEST_F(Apply, RefusalOfTheCallAsAWhole) {
  answers_.refusal = "no room left";
  const std::string said = err(1, {"apply", "-f", file("mesh.yaml", kCart)});
  EXPECT_TRUE(said.ends_with("refused: no room left\n")) << said;
}

TEST_F(Apply, DiffShowsFieldsAndChangesNothing) {
  answers_.apply = [this](const v1::ApplyRequest& request) {
    sent_ = request;
    v1::ApplyResponse response;
    response.set_dry_run(true);
    response.set_added(1);
    response.set_changed(2);
    response.set_deleted(3);
    v1::ResourceChange& route = *response.add_changes();
    route.set_what(v1::ResourceChange::WHAT_CHANGED);
    *route.mutable_key() = key("Route", "shop", "cart");
    v1::FieldChange& weight = *route.add_fields();
    weight.set_path("http[1].backends[0].weight");
    weight.set_old_value("80");
    weight.set_new_value("50");
    v1::FieldChange& added = *route.add_fields();
    added.set_path("http[1].retry");
    added.set_new_value("{attempts: 2}");
    added.set_added(true);
    v1::FieldChange& removed = *route.add_fields();
    removed.set_path("service");
    removed.set_removed(true);
    route.set_more_fields(7);
    v1::ResourceChange& service = *response.add_changes();
    service.set_what(v1::ResourceChange::WHAT_ADDED);
    *service.mutable_key() = key("Service", "shop", "new");
    v1::ResourceChange& gone = *response.add_changes();
    gone.set_what(v1::ResourceChange::WHAT_DELETED);
    *gone.mutable_key() = key("Service", "shop", "old");
    return response;
  };
  EXPECT_EQ(out({"diff", "-f", file("mesh.yaml", kCart)}),
            "~ Route shop/cart  http[1].backends[0].weight  80 -> 50\n"
            "~ Route shop/cart  http[1].retry  + {attempts: 2}\n"
            "~ Route shop/cart  service  - \"\"\n"
            "~ Route shop/cart  and 7 more fields\n"
            "+ Service shop/new\n"
            "- Service shop/old\n"
            "and 3 more resources\n");
  EXPECT_TRUE(sent_.dry_run());
}

TEST_F(Apply, DiffWithoutDifferences) {
  EXPECT_EQ(out({"diff", "-f", file("mesh.yaml", kCart)}), "no differences\n");
}

TEST_F(Apply, DeleteByNameAndByFile) {
  accept();
  EXPECT_EQ(out({"delete", "services", "cart", "-n", "shop"}),
            "version 42 live on 4/4 workers in 0.8 ms (0 changed, 0 added, 1 deleted); 0 live "
            "flows cut\n");
  EXPECT_EQ(sent(), std::vector<std::string>{"- Service shop/cart"});
  out({"delete", "route", "shop/cart", "--dry-run"});
  EXPECT_EQ(sent(), std::vector<std::string>{"- Route shop/cart"});
  EXPECT_TRUE(sent_.dry_run());
  out({"delete", "-f", file("mesh.yaml", kCart)});
  EXPECT_EQ(sent(), (std::vector<std::string>{"- Service shop/cart", "- Route shop/cart"}));
}

TEST_F(Apply, DeleteOfWhatIsNotThere) {
  answers_.apply = [](const v1::ApplyRequest& request) {
    v1::ApplyResponse response;
    v1::Problem& problem = *response.add_problems();
    problem.set_delete_(0);
    *problem.mutable_key() = request.deletes(0);
    problem.set_message("there is none");
    return response;
  };
  EXPECT_EQ(err(1, {"delete", "service", "cart"}),
            "Service default/cart: there is none\nnothing was changed\n");
  const std::string path = file("mesh.yaml", kCart);
  EXPECT_EQ(err(1, {"delete", "-f", path}),
            path + ":1: Service shop/cart: there is none\nnothing was changed\n");
}

TEST_F(Apply, DeleteNeedsToKnowWhat) {
  EXPECT_EQ(err(2, {"delete", "service"}),
            "heddlectl: delete: expected KIND NAME, as in 'delete service cart -n shop'\n");
  EXPECT_EQ(err(2, {"delete", "service", "a", "-f", "b"}),
            "heddlectl: delete: takes KIND NAME or -f FILE, not both\n");
  EXPECT_EQ(err(2, {"delete", "servise", "a"}),
            "heddlectl: no kind 'servise' (did you mean \"service\"?)\n");
  EXPECT_EQ(err(2, {"delete", "service", "a/b", "-n", "c"}),
            "heddlectl: a/b is in another namespace than -n c\n");
}

v1::Version version(uint64_t number) {
  v1::Version version;
  version.set_version(number);
  version.set_time_ms(1'772'446'507'000);
  version.set_author("root");
  return version;
}

TEST_F(Apply, HistoryIsATable) {
  answers_.history = [](const v1::HistoryRequest& request) {
    EXPECT_EQ(request.version(), 0u);
    v1::HistoryResponse response;
    v1::Version& third = *response.add_versions() = version(43);
    third.set_content_of(41);
    third.set_changed(1);
    v1::Version& second = *response.add_versions() = version(42);
    second.set_message("half to v2");
    second.set_changed(1);
    second.set_deleted(2);
    v1::Version& first = *response.add_versions() = version(41);
    first.set_message("initial");
    first.set_added(9);
    return response;
  };
  EXPECT_EQ(out({"history"}), R"(VERSION  WHEN                 WHO   WHAT             CHANGES
43       2026-03-02 10:15:07  root  (content of 41)  ~1
42       2026-03-02 10:15:07  root  half to v2       ~1 -2
41       2026-03-02 10:15:07  root  initial          +9
)");
}

TEST_F(Apply, HistoryOfOneVersionHasItsChanges) {
  answers_.history = [](const v1::HistoryRequest& request) {
    v1::HistoryResponse response;
    v1::Version& one = *response.add_versions() = version(request.version());
    one.set_added(1);
    v1::ResourceChange& change = *one.add_changes();
    change.set_what(v1::ResourceChange::WHAT_ADDED);
    *change.mutable_key() = key("Service", "shop", "cart");
    return response;
  };
  EXPECT_EQ(out({"history", "42"}), R"(VERSION  WHEN                 WHO   WHAT  CHANGES
42       2026-03-02 10:15:07  root        +1

+ Service shop/cart
)");
}

TEST_F(Apply, Rollback) {
  v1::RollbackRequest sent;
  answers_.rollback = [&](const v1::RollbackRequest& request) {
    sent = request;
    v1::ApplyResponse response;
    response.set_version(43);
    response.set_workers(4);
    response.set_live_us(700);
    response.set_changed(1);
    response.set_flows_cut(2);
    response.set_requests_cut(1'300);
    response.set_flows_pending(true);
    return response;
  };
  EXPECT_EQ(out({"rollback", "41", "-m", "v2 fails", "--expected-version", "42"}),
            "version 43 (content of 41) live on 4/4 workers in 0.7 ms "
            "(1 changed, 0 added, 0 deleted); 2 live flows cut, 1,300 requests so far, not all "
            "were looked at\n");
  EXPECT_EQ(sent.version(), 41u);
  EXPECT_EQ(sent.message(), "v2 fails");
  EXPECT_EQ(sent.author(), "ann");
  EXPECT_EQ(sent.expected_version(), 42u);
  EXPECT_EQ(err(2, {"rollback"}), "heddlectl: VERSION is required\n");
  EXPECT_EQ(err(2, {"rollback", "x"}),
            "heddlectl: VERSION: expected a number from 1 on, not 'x'\n");
}

}  // namespace
}  // namespace heddle::test
