#include "tsc/skew.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <random>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

__extension__ using Signed = __int128;
__extension__ using Unsigned = unsigned __int128;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::vector<VcpuReading> with_offsets(std::initializer_list<std::int64_t> offsets) {
  std::vector<VcpuReading> vcpus;
  for (const auto offset : offsets) {
    vcpus.push_back({static_cast<VcpuId>(vcpus.size()), offset, {}, Trust::kTrusted});
  }
  return vcpus;
}

std::int64_t skew_of(const SkewAnalysis& analysis, VcpuId id) {
  const auto found = std::ranges::find(analysis.vcpus, id, &VcpuSkew::id);
  EXPECT_NE(found, analysis.vcpus.end());
  return found->ticks;
}

// The residue of `value` modulo 2^64 in [-2^63, 2^63), by 128-bit arithmetic alone.
Signed wrap(Signed value) {
  const Signed modulus = Signed{1} << 64;
  Signed residue = value % modulus;
  residue += residue < 0 ? modulus : 0;
  return residue >= (Signed{1} << 63) ? residue - modulus : residue;
}

Signed guest_in_the_model(std::uint64_t host, const VcpuReading& vcpu) {
  // A 128-bit product of unsigned numbers, taken modulo 2^64 only at the end by wrap().
  return static_cast<Signed>((Unsigned{host} * vcpu.ratio.value) >> vcpu.ratio.fraction_bits) +
         vcpu.offset;
}

TEST(Reference, IsTheOffsetThatMostShare) {
  EXPECT_EQ(reference_vcpu(with_offsets({5, 7, 7})), 1u);
  EXPECT_EQ(reference_vcpu(with_offsets({7, 5, 7, 5})), 0u);
  EXPECT_EQ(reference_vcpu(with_offsets({9, 5, 7})), 0u);
  EXPECT_EQ(reference_vcpu({}), std::nullopt);
}

TEST(Reference, AnEqualOffsetAtAnotherRatioIsNotShared) {
  auto vcpus = with_offsets({7, 7, 7, 8, 8, 8});
  vcpus[0].ratio = {3ULL << 47, 48};
  EXPECT_EQ(reference_vcpu(vcpus), 3u);
}

TEST(Skew, OneVcpuHasNone) {
  const auto analysis = analyse_skew(with_offsets({-123456789}), 10, 20);
  ASSERT_TRUE(analysis);
  EXPECT_EQ(analysis->vcpus.size(), 1u);
  EXPECT_EQ(skew_of(*analysis, 0), 0);
  EXPECT_EQ(analysis->spread_ticks, 0u);
  EXPECT_EQ(analysis->bound_ticks, 0u);
}

TEST(Skew, NoVcpuIsNoAnalysis) {
  EXPECT_FALSE(analyse_skew({}, 0, 0));
}

TEST(Skew, IsPositiveAheadOfTheReference) {
  const auto analysis = analyse_skew(with_offsets({-100, -70, -100, -105}), 0, 0);
  ASSERT_TRUE(analysis);
  EXPECT_EQ(analysis->reference, 0u);
  EXPECT_EQ(skew_of(*analysis, 1), 30);
  EXPECT_EQ(skew_of(*analysis, 3), -5);
  EXPECT_EQ(analysis->spread_ticks, 35u);
}

TEST(Skew, WrapsAroundWithTheOffsets) {
  // kMin is one tick after kMax on the circle of 2^64.
  const auto analysis = analyse_skew(with_offsets({kMax, kMax, kMin}), 0, 0);
  ASSERT_TRUE(analysis);
  EXPECT_EQ(skew_of(*analysis, 2), 1);
}

TEST(Skew, SpreadDoesNotOverflow) {
  const auto analysis = analyse_skew(with_offsets({0, 0, kMax, kMin + 1}), 0, 0);
  ASSERT_TRUE(analysis);
  EXPECT_EQ(analysis->spread_ticks, 2 * static_cast<std::uint64_t>(kMax));
}

TEST(Skew, ATinyRatioDifferenceIsStatedAsDriftAndBound) {
  auto vcpus = with_offsets({0, 0, 0});
  for (auto& vcpu : vcpus) {
    vcpu.ratio = {1ULL << 48, 48};
  }
  vcpus[2].ratio.value += 1ULL << 28;  // about 0.95 ppm faster
  const std::uint64_t before = 3'000'000'000;
  const auto analysis = analyse_skew(vcpus, before, before + 2000);
  ASSERT_TRUE(analysis);
  EXPECT_FALSE(analysis->equal_ratios);
  EXPECT_NEAR(analysis->vcpus[2].drift, std::ldexp(1.0, -20), 1e-15);
  EXPECT_EQ(analysis->vcpus[0].drift, 0.0);
  EXPECT_EQ(analysis->at_host_tsc, before + 1000);
  EXPECT_EQ(skew_of(*analysis, 2), static_cast<std::int64_t>((before + 1000) >> 20));
  EXPECT_EQ(analysis->bound_ticks, 3u);  // 2 of rounding, 1 of growth in 1000 ticks
}

TEST(Skew, RatioOneWrittenInTwoWaysIsOneRatio) {
  auto vcpus = with_offsets({4, 4});
  vcpus[1].ratio = {1ULL << 32, 32};
  const auto analysis = analyse_skew(vcpus, 1000, 2000);
  ASSERT_TRUE(analysis);
  EXPECT_TRUE(analysis->equal_ratios);
  EXPECT_EQ(analysis->bound_ticks, 0u);
}

enum class Shape { kAllEqual, kAllDifferent, kFew };
struct Case {
  std::size_t vcpus;
  Shape shape;
  int fraction_bits;
  bool unequal_ratios;
};

// "8 vCPUs, few offsets, 48 bits, unequal ratios"
void PrintTo(const Case& param, std::ostream* out) {
  *out << param.vcpus << (param.vcpus == 1 ? " vCPU, " : " vCPUs, ")
       << (param.shape == Shape::kAllEqual       ? "equal"
           : param.shape == Shape::kAllDifferent ? "different"
                                                 : "few")
       << " offsets, " << param.fraction_bits << " bits"
       << (param.unequal_ratios ? ", unequal ratios" : "");
}

// The same as a test's name may be: letters, digits and underscores.
std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::ostringstream text;
  PrintTo(info.param, &text);
  std::string name = text.str();
  std::erase(name, ',');
  std::ranges::replace(name, ' ', '_');
  return name;
}

class SkewProperty : public testing::TestWithParam<Case> {};

TEST_P(SkewProperty, AgreesWithAPlain128BitModel) {
  const Case& param = GetParam();
  std::mt19937_64 random(7 + param.vcpus);
  for (int round = 0; round < (param.vcpus > 100 ? 20 : 500); ++round) {
    const auto base = static_cast<std::int64_t>(random());
    const auto bits = static_cast<std::uint8_t>(param.fraction_bits);
    const ScalingRatio ratio{bits == 0 ? 1 : (1ULL << bits) - random() % (1ULL << (bits - 2)),
                             bits};
    std::vector<VcpuReading> vcpus;
    for (std::size_t i = 0; i < param.vcpus; ++i) {
      const std::uint64_t step = param.shape == Shape::kAllEqual       ? 0
                                 : param.shape == Shape::kAllDifferent ? i * 0x9E3779B97F4A7C15ULL
                                                                       : random() % 3;
      vcpus.push_back({static_cast<VcpuId>(i * 3),
                       static_cast<std::int64_t>(static_cast<std::uint64_t>(base) + step), ratio,
                       Trust::kTrusted});
      if (param.unequal_ratios && bits > 0) {
        vcpus.back().ratio.value += random() % 5;
      }
    }
    const std::uint64_t before = random();
    const std::uint64_t window = random() % 1'000'000;
    const auto analysis = analyse_skew(vcpus, before, before + window);
    ASSERT_TRUE(analysis);
    ASSERT_EQ(analysis->vcpus.size(), vcpus.size());
    const auto& reference = vcpus[analysis->reference / 3];
    Signed highest = 0;
    Signed lowest = 0;
    for (std::size_t i = 0; i < vcpus.size(); ++i) {
      const std::uint64_t at = before + window / 2;
      const Signed expected =
          wrap(guest_in_the_model(at, vcpus[i]) - guest_in_the_model(at, reference));
      EXPECT_EQ(analysis->vcpus[i].ticks, static_cast<std::int64_t>(expected));
      highest = std::max(highest, expected);
      lowest = std::min(lowest, expected);
      if (!param.unequal_ratios) {
        EXPECT_EQ(wrap(Signed{vcpus[i].offset} - reference.offset), expected);
      } else {
        // The bound holds at both ends of the interval, not only in its middle.
        for (const std::uint64_t end : {before, before + window}) {
          const Signed there =
              wrap(guest_in_the_model(end, vcpus[i]) - guest_in_the_model(end, reference));
          const Signed change = wrap(there - expected);
          if (end >= before) {  // the host TSC itself did not wrap within the window
            EXPECT_LE(change < 0 ? -change : change, Signed{analysis->bound_ticks});
          }
        }
      }
    }
    EXPECT_EQ(Signed{analysis->spread_ticks}, highest - lowest);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, SkewProperty,
    testing::Values(Case{1, Shape::kAllEqual, 0, false}, Case{2, Shape::kAllDifferent, 0, false},
                    Case{8, Shape::kFew, 0, false}, Case{8, Shape::kFew, 32, false},
                    Case{8, Shape::kFew, 48, false}, Case{8, Shape::kAllDifferent, 32, true},
                    Case{8, Shape::kFew, 48, true}, Case{1024, Shape::kAllEqual, 48, false},
                    Case{1024, Shape::kAllDifferent, 0, false},
                    Case{1024, Shape::kAllDifferent, 48, true}),
    name_of);

}  // namespace
}  // namespace kvmtsc
