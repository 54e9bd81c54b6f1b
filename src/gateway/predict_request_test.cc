// SPDX-License-Identifier: Apache-2.0
#include "gateway/predict_request.h"

#include <gtest/gtest.h>

namespace altlas::gateway {
namespace {

RequestRules Rules() {
  RequestRules rules;
  rules.text_bytes = 100;
  rules.batch_items = 3;
  static const auto models = [] {
    std::vector<config::ModelConfig> three(3);
    three[0].name = "small";
    three[1].name = "large";
    three[1].is_default = true;
    three[2].name = "vectors";
    three[2].type = "embedding";
    return three;
  }();
  rules.models = models;
  return rules;
}
Result<Parsed<PredictRequest>> Parse(std::string_view body) {
  return ParsePredict(body, 0, Rules(), [] { return std::uint64_t{77}; });
}

// What a worker gets is one canonical object: the same request, the same bytes.
TEST(PredictRequest, BecomesTheCanonicalRequest) {
  const auto parsed = Parse(
      R"({ "temperature":0.7, "text":"Sample", "max_length":128, "stop":"END", "gpu_options":{"strategy":"random"} })");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->value.task.request,
            R"({"text":"Sample","temperature":0.7,"stop":["END"],"seed":"77","max_length":128})");
  EXPECT_EQ(parsed->value.task.strategy, Strategy::kRandom);
  EXPECT_EQ(parsed->value.task.model, "large");
  EXPECT_EQ(parsed->value.task.type, "text_generation");
  EXPECT_EQ(parsed->value.task.size_hint, 128);
  EXPECT_EQ(pool::SizeHintOf(parsed->value.task.request), 128);
  EXPECT_TRUE(parsed->unknown.empty());
}

TEST(PredictRequest, ErrorsDoNotRepeatWhatIsLong) {
  const std::string name(50'000, 's');
  for (const auto& body :
       {R"({"text":"a","gpu_options":{"strategy":")" + name + "\"}}",
        R"({"text":"a","type":")" + name + "\"}", R"({"text":"a","model":")" + name + "\"}",
        R"({"text":"a",")" + name + R"(":1,")" + name + "\":2}"}) {
    const auto refused = Parse(body);
    ASSERT_FALSE(refused.has_value());
    EXPECT_LT(refused.error().message.size() + refused.error().field.size(), 1000u) << body.substr(0, 60);
  }
}

TEST(PredictRequest, LeavesTheModelsOwnSamplingToTheModel) {
  EXPECT_EQ(Parse(R"({"text":"a","seed":18446744073709551615})")->value.task.request,
            R"({"text":"a","stop":[],"seed":"18446744073709551615","max_length":128})");
}

// Nothing of sampling reaches the worker, and no seed is drawn: the same text, the same bytes.
TEST(PredictRequest, AnEmbeddingIsItsTextAndItsTwoSwitches) {
  const auto plain =
      Parse(R"({"text":"a b c d e f","type":"embedding","max_length":9,"temperature":1,"seed":3})");
  ASSERT_TRUE(plain.has_value()) << plain.error().message;
  EXPECT_EQ(plain->value.task.request, R"({"text":"a b c d e f"})");
  EXPECT_EQ(plain->value.task.model, "vectors");
  EXPECT_TRUE(plain->unknown.empty());
  EXPECT_GT(plain->value.task.size_hint, 1);
  EXPECT_EQ(plain->value.task.size_hint, pool::SizeHintOf(plain->value.task.request));
  const auto full = Parse(R"({"truncate":true,"text":"a","type":"embedding","normalize":false})");
  ASSERT_TRUE(full.has_value()) << full.error().message;
  EXPECT_EQ(full->value.task.request, R"({"text":"a","normalize":false,"truncate":true})");
}

TEST(PredictRequest, ANamedModelSaysTheTypeWhereTheRequestDoesNot) {
  const auto named = Parse(R"({"text":"a","model":"vectors"})");
  ASSERT_TRUE(named.has_value()) << named.error().message;
  EXPECT_EQ(named->value.task.type, "embedding");
  EXPECT_EQ(Parse(R"({"text":"a","model":"small"})")->value.task.type, "text_generation");
  EXPECT_EQ(Parse(R"({"text":"a","model":"nobody"})").error().code, ErrorCode::kNotFound);
}

// Words of one type mean nothing to another: they are told like any unknown field.
TEST(PredictRequest, TheSwitchesOfAnEmbeddingAreUnknownElsewhere) {
  EXPECT_EQ(Parse(R"({"text":"a","normalize":true})")->unknown, std::vector<std::string>{"normalize"});
}

TEST(PredictRequest, ATextCannotPassForAField) {
  const auto parsed = Parse(R"({"text":"\",\"max_length\":9,\"x\":\""})");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(pool::SizeHintOf(parsed->value.task.request), 128);
}

// API-9
TEST(PredictRequest, EveryWrongFieldIsNamedWithItsLimit) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "text"},
      {R"({"text":""})", "text"},
      {R"({"text":"a","max_length":0})", "max_length"},
      {R"({"text":"a","max_length":32769})", "max_length"},
      {R"({"text":"a","temperature":5.1})", "temperature"},
      {R"({"text":"a","top_k":-1})", "top_k"},
      {R"({"text":"a","top_p":0})", "top_p"},
      {R"({"text":"a","min_p":2})", "min_p"},
      {R"({"text":"a","repetition_penalty":0})", "repetition_penalty"},
      {R"({"text":"a","stop":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"]})",
       "stop"},
      {R"({"text":"a","seed":1.5})", "seed"},
      {R"({"text":"a","type":"poetry"})", "type"},
      {R"({"text":"a","model":"smal"})", "model"},
      {R"({"text":"a","type":"embedding","model":"small"})", "model"},
      {R"({"text":"a","type":"text_generation","model":"vectors"})", "model"},
      {R"({"type":"embedding"})", "text"},
      {R"({"text":"","type":"embedding"})", "text"},
      {R"({"text":"a","type":"embedding","normalize":1})", "normalize"},
      {R"({"text":"a","type":"embedding","truncate":"yes"})", "truncate"},
      {R"({"text":"a","type":"embedding","max_length":0})", "max_length"},
      {R"({"text":"a","estimated_memory":1.5})", "estimated_memory"},
      {R"({"text":"a","queue_timeout":0})", "queue_timeout"},
      {R"({"text":"a","stream":1})", "stream"},
      {R"({"text":"a","gpu_options":{"strategy":"leest_loaded"}})", "gpu_options.strategy"},
  };
  for (const auto& [body, field] : cases) {
    const auto parsed = Parse(body);
    ASSERT_FALSE(parsed.has_value()) << body;
    EXPECT_EQ(parsed.error().field, field) << parsed.error().message;
    EXPECT_GT(parsed.error().message.size(), 20u);
  }
  EXPECT_EQ(Parse("{\"text\":\"" + std::string(101, 'a') + "\"}").error().code, ErrorCode::kTooLarge);
  EXPECT_NE(Parse(R"({"text":"a","model":"smal"})").error().message.find("small"), std::string::npos)
      << "no nearest name";
}

TEST(BatchRequest, ReadsItemsWithTheirOwnOrTheCommonStrategy) {
  const auto parse = [](std::string_view body) {
    return ParseBatch(body, 0, Rules(), true, [] { return std::uint64_t{1}; });
  };
  const auto parsed = parse(
      R"({"batch":[{"text":"a"},{"text":"b","gpu_options":{"strategy":"random"}}],"gpu_options":{"strategy":"round_robin","batch_split":false}})");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_FALSE(parsed->value.split);
  EXPECT_EQ(parsed->value.tasks[0].strategy, Strategy::kRoundRobin);
  EXPECT_EQ(parsed->value.tasks[1].strategy, Strategy::kRandom);
  EXPECT_EQ(parse(R"({})").error().field, "batch");
  EXPECT_EQ(parse(R"({"batch":[]})").error().field, "batch");
  EXPECT_EQ(parse(R"({"batch":{}})").error().field, "batch");
  EXPECT_EQ(parse(R"({"batch":[1]})").error().field, "batch[0]");
  EXPECT_EQ(parse(R"({"batch":[{"text":"a"},{"text":""}]})").error().field, "batch[1].text");
  EXPECT_EQ(parse(R"({"batch":[{"text":"a"},{"text":"a"},{"text":"a"},{"text":"a"}]})").error().code,
            ErrorCode::kTooLarge);
  EXPECT_TRUE(parse(R"({"batch":[{"text":"a"}]})")->value.split);
}

TEST(ParseWait, TakesSecondsWithinTheLimit) {
  EXPECT_EQ(*ParseWait("1.5", 10), 1.5);
  EXPECT_EQ(*ParseWait(std::nullopt, 10), std::nullopt);
  for (const char* bad : {"", "x", "-1", "11", "1s", "nan", "inf"})
    EXPECT_EQ(ParseWait(bad, 10).error().field, "wait") << bad;
}

}  // namespace
}  // namespace altlas::gateway
