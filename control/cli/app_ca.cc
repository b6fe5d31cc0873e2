// ca: init, issue, bundle, rotate, revoke, crl, show.
#include "app_parts.h"
#include "ca/key_kind.h"

namespace heddle::cli {
namespace {

constexpr uint64_t kMostDays = 36'500;
constexpr uint64_t kMostHours = kMostDays * 24;

using Run = Outcome (*)(const Options&);

CLI::App* add(CLI::App& ca, Request& request, const char* name, Run run, const char* help,
              const char* examples) {
  CLI::App* command = add_command(ca, name, help, std::string("Examples:\n") + examples);
  command->callback([&request, run] { request.command = run; });
  command->add_option("DIR", request.options.ca.directory, "Of the authority")
      ->type_name("")
      ->required();
  return command;
}

void add_days(CLI::App& command, const char* name, std::optional<uint32_t>& to, const char* help) {
  add_number(command, name, help, {1, kMostDays}, [&to](uint64_t days) {
    to = static_cast<uint32_t>(days);
  })->type_name("DAYS");
}

void add_space(CLI::App& command, Request& request, const char* help) {
  command.add_option("-n,--namespace", request.options.policy.space, help)->type_name("NAMESPACE");
}

void add_init(CLI::App& ca, Request& request) {
  CaOptions& options = request.options.ca;
  CLI::App* command =
      add(ca, request, "init", ca_init, "Make an authority: a root and an intermediate",
          "  heddlectl ca init mesh-ca --trust-domain example.org\n\n"
          "DIR is made, or is empty. Keep root.key elsewhere: only 'ca rotate' needs it.");
  command->add_option("--trust-domain", options.trust_domain, "As nodes have it: example.org")
      ->type_name("NAME")
      ->required();
  add_days(*command, "--days", options.days, "How long the root is valid [3650]");
  add_days(*command, "--intermediate-days", options.intermediate_days,
           "How long the intermediate is, within that [365]");
  add_choice(*command, "--key", options.key, "Of both [ecdsa-p256]",
             {ca::kKeyKinds.begin(), ca::kKeyKinds.end()});
}

void add_issue(CLI::App& ca, Request& request) {
  CaOptions& options = request.options.ca;
  CLI::App* command =
      add(ca, request, "issue", ca_issue, "Issue an X.509-SVID, as a Secret or as PEM files",
          "  heddlectl ca issue mesh-ca -n shop --service-account cart --out cart.yaml\n"
          "  heddlectl ca issue mesh-ca -n shop --service-account cart | heddlectl apply -f -\n"
          "  heddlectl ca issue mesh-ca -n shop --service-account web --dns shop.example \\\n"
          "      --pem /etc/heddle/web\n\n"
          "What is written has the private key in it, so without --out or --pem it goes to a pipe\n"
          "or a file, and to no terminal. Files there are replaced.");
  add_space(*command, request, "Of the workload, and of the Secret");
  command->get_option("--namespace")->required();
  command->add_option("--service-account", options.service_account, "Of the workload")
      ->type_name("NAME")
      ->required();
  command
      ->add_option("--dns", options.dns_names,
                   "A name of a host as well, as shop.example or *.shop.example; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  add_number(*command, "--hours", "How long it is valid [24]", {1, kMostHours},
             [&options](uint64_t hours) { options.hours = static_cast<uint32_t>(hours); })
      ->type_name("HOURS");
  command->add_option("--name", options.name, "Of the Secret [svid-SERVICE-ACCOUNT]")
      ->type_name("NAME");
  command->add_option("--out", options.out, "The Secret's file; - for standard output")
      ->type_name("FILE");
  command->add_option("--pem", options.pem, "A directory for tls.crt and tls.key instead")
      ->type_name("DIR");
}

void add_bundle(CLI::App& ca, Request& request) {
  CaOptions& options = request.options.ca;
  CLI::App* command = add(ca, request, "bundle", ca_bundle, "Print the TrustBundle",
                          "  heddlectl ca bundle mesh-ca -n shop | heddlectl apply -f -");
  add_space(*command, request, "Of the TrustBundle [default]");
  command->add_option("--name", options.name, "Of the TrustBundle [mesh]")->type_name("NAME");
  command->add_option("--out", options.out, "Its file [standard output]")->type_name("FILE");
}

void add_rotate(CLI::App& ca, Request& request) {
  CaOptions& options = request.options.ca;
  CLI::App* command =
      add(ca, request, "rotate", ca_rotate, "Replace the intermediate, or the root in three steps",
          "  heddlectl ca rotate mesh-ca intermediate\n"
          "  heddlectl ca rotate mesh-ca root --prepare    apply the bundle everywhere, then\n"
          "  heddlectl ca rotate mesh-ca root --switch     issue all certificates anew, then\n"
          "  heddlectl ca rotate mesh-ca root --finish     apply the bundle everywhere\n\n"
          "root.key has to be in DIR.");
  add_choice(*command, "WHAT", options.what, "", {"intermediate", "root"});
  command->get_option("WHAT")->required();
  command->add_flag("--prepare", options.prepare, "Make the next root; the bundle has both");
  command->add_flag("--switch", options.change, "From now on the next root signs");
  command->add_flag("--finish", options.finish, "The old root leaves the bundle");
  command->add_flag("--force", options.force,
                    "With --finish: also while certificates of the old root are in use");
}

void add_revocation(CLI::App& ca, Request& request) {
  CaOptions& options = request.options.ca;
  constexpr const char* kDays = "After which the lists have to be signed anew [as before, else 30]";
  CLI::App* revoke =
      add(ca, request, "revoke", ca_revoke, "Revoke a certificate",
          "  heddlectl ca revoke mesh-ca 5f0e1c52a7c7a4c6a1f3c0d2b4e69788\n"
          "  heddlectl ca revoke mesh-ca cart.yaml\n\n"
          "Nodes know of it when they have the bundle, and refuse every peer when its revocation\n"
          "lists have ended: 'heddlectl ca crl' signs new ones.");
  revoke
      ->add_option("CERTIFICATE", options.certificate,
                   "Its serial, or a file with it: PEM or a Secret")
      ->type_name("")
      ->required();
  add_days(*revoke, "--days", options.days, kDays);

  CLI::App* crl = add(ca, request, "crl", ca_crl, "Sign the revocation lists anew",
                      "  heddlectl ca crl mesh-ca && heddlectl ca bundle mesh-ca -n shop --out "
                      "bundle.yaml");
  add_days(*crl, "--days", options.days, kDays);
}

}  // namespace

void add_ca(CLI::App& app, Request& request) {
  CLI::App* ca =
      add_command(app, "ca", "Be a mesh's certificate authority, in a directory, without heddled",
                  "Examples:\n"
                  "  heddlectl ca init mesh-ca --trust-domain example.org\n"
                  "  heddlectl ca bundle mesh-ca -n shop | heddlectl apply -f -\n"
                  "  heddlectl ca issue mesh-ca -n shop --service-account cart --out cart.yaml\n"
                  "  heddlectl ca show mesh-ca\n\n"
                  "Exit codes: 0 done; 1 the authority refused; 2 wrong usage, or no authority in "
                  "DIR.");
  ca->require_subcommand(1);
  add_init(*ca, request);
  add_issue(*ca, request);
  add_bundle(*ca, request);
  add_rotate(*ca, request);
  add_revocation(*ca, request);
  CLI::App* show = add(*ca, request, "show", ca_show,
                       "Show what an authority holds and has issued, and what ends soon",
                       "  heddlectl ca show mesh-ca\n  heddlectl ca show mesh-ca -o json");
  show->add_flag("--all", request.options.all, "Also what has ended");
}

}  // namespace heddle::cli
