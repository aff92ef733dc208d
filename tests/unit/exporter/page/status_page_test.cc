#include "exporter/page/status_page.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

bool contains(const std::string& html, const std::string& part) {
  return html.find(part) != std::string::npos;
}

VmState vm_named(const std::string& label) {
  VmState vm;
  vm.label = label;
  vm.reading.emplace();
  vm.reading->vcpus = {{0, 0, {}, {}}, {1, 3'000'000, {}, {}}};
  vm.steps = {{0, 0}, {1, 0}};
  return vm;
}

TEST(StatusPage, WithoutASweepItSaysSo) {
  EXPECT_TRUE(contains(status_page(nullptr, "1"), "The first sweep is still running."));
}

TEST(StatusPage, WithoutVmsItSaysSo) {
  EXPECT_TRUE(contains(status_page(std::make_shared<Snapshot>().get(), "1"), "No VM is running"));
}

TEST(StatusPage, NotKnowingIsNotTheSameAsNoVms) {
  Snapshot snapshot;
  snapshot.collectors = {
      {"debugfs", false, {}, Error{ErrorKind::kNotFound, "not mounted", "mount it"}, true}};
  const auto html = status_page(&snapshot, "1");
  EXPECT_FALSE(contains(html, "No VM is running"));
  EXPECT_TRUE(contains(html,
                       "Whether any VM is running is not known.</b> debugfs: not mounted; "
                       "mount it."));
  EXPECT_LT(html.find("not known"), html.find("Host clocksource")) << "it is not at the top";
}

TEST(StatusPage, ALateListIsNotShownAsOfNow) {
  Snapshot snapshot;
  snapshot.collectors = {
      {"debugfs", false, {}, Error{ErrorKind::kNotFound, "not mounted", "mount it"}, true},
      {"simulated", true, {}, {}, true}};
  snapshot.vms = {vm_named("web")};
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "This list may not be complete"));
}

TEST(StatusPage, ShowsEveryStateAndWhy) {
  for (const Trust trust : kAllTrusts) {
    Snapshot snapshot;
    snapshot.vms = {vm_named("web")};
    snapshot.vms[0].reading->trust = trust;
    const auto html = status_page(&snapshot, "1");
    EXPECT_TRUE(contains(html, trust_name(trust)));
    EXPECT_TRUE(trust == Trust::kTrusted || contains(html, trust_explanation(trust)));
    snapshot.vms[0].trust_reason = "for <this> reason";
    EXPECT_TRUE(trust == Trust::kTrusted ||
                contains(status_page(&snapshot, "1"), "for &lt;this&gt; reason"));
  }
}

TEST(StatusPage, AVmWhoseClockCannotBeReadDoesNotLookHealthy) {
  Snapshot snapshot;
  snapshot.vms = {vm_named("web")};
  VmState& vm = snapshot.vms[0];
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "<span class=\"dim\">not read</span>"));
  vm.clock_wanted = true;
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "<td><span class=\"dim\">not yet known"));
  vm.clock_error = Error{ErrorKind::kPermission, "<may not>", "run as root"};
  EXPECT_TRUE(contains(status_page(&snapshot, "1"),
                       "<span class=\"bad\">cannot be read: &lt;may not&gt;; run as root</span>"));
  vm.clock_error = Error{ErrorKind::kExcluded, "<nobody> may", "leave it"};
  EXPECT_TRUE(
      contains(status_page(&snapshot, "1"), "<span class=\"dim\">&lt;nobody&gt; may</span>"))
      << "what the operator wants is no fault";
  vm.clock_error.reset();
  vm.clock.emplace();
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "<td><span class=\"bad\">no</span></td>"));
  vm.never_ran = true;
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "not yet: no vCPU has run"));
  vm.never_ran = false;
  vm.clock->flags = ClockTriple::kTscStable;
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "<td>yes</td>"));
}

TEST(StatusPage, SaysWhyAProcessIsNotKnown) {
  Snapshot snapshot;
  snapshot.vms = {vm_named("vm-7-3")};
  snapshot.vms[0].identity.process_unknown = Error{ErrorKind::kNotFound, "not to be seen", "look"};
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "not to be seen; look"));
}

TEST(StatusPage, ShowsTheSpreadInAReadableUnit) {
  Snapshot snapshot;
  snapshot.vms = {vm_named("web")};
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "not yet known"));
  snapshot.vms[0].skew = analyse_skew(snapshot.vms[0].reading->vcpus, 0, 0);
  snapshot.vms[0].frequency = Frequency{3e9, 1};
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "<span class=\"bad\">1 ms</span>"));
  snapshot.vms[0].frequency = Frequency{3e12, 1};
  EXPECT_TRUE(contains(status_page(&snapshot, "1"), "1 µs"));
}

TEST(StatusPage, EscapesWhatVmsCallThemselves) {
  Snapshot snapshot;
  snapshot.vms = {vm_named("<script>alert(\"1\")</script>&")};
  snapshot.vms[0].identity.vmm = "<b>";
  snapshot.vms[0].error = Error{ErrorKind::kIo, "<i>", ""};
  snapshot.collectors = {{"debugfs", false, {}, Error{ErrorKind::kIo, "<u>", "do & don't"}}};
  snapshot.host.clocksource = "<h9>";
  const auto html = status_page(&snapshot, "<v>");
  for (const char* raw : {"<script>", "<b>alert", "<i>", "<u>", "<h9>", "<v>", "& don"}) {
    EXPECT_FALSE(contains(html, raw)) << raw;
  }
  EXPECT_TRUE(contains(html, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;"));
  EXPECT_TRUE(contains(html, "cannot be read"));
}

TEST(StatusPage, LoadsNothingFromElsewhere) {
  const auto html = status_page(std::make_shared<Snapshot>().get(), "1");
  EXPECT_FALSE(contains(html, "http://"));
  EXPECT_FALSE(contains(html, "https://"));
  EXPECT_FALSE(contains(html, "<script"));
}

}  // namespace
}  // namespace kvmtsc
