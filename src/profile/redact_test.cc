// SPDX-License-Identifier: Apache-2.0
#include "profile/redact.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/random.h"

namespace altlas::profile {
namespace {

TEST(Redact, NamesThatSaySecretAreKnownInEverySpelling) {
  for (const auto* name : {"GITHUB_TOKEN",
                           "HF_TOKEN",
                           "AWS_SECRET_ACCESS_KEY",
                           "apiKey",
                           "x-api-key",
                           "DB_PASSWORD",
                           "PGPASSWD",
                           "MYSQL_PWD",
                           "GOOGLE_APPLICATION_CREDENTIALS",
                           "PMI_SHARED_SECRET",
                           "SSH_AUTH_SOCK",
                           "Cookie",
                           "accessToken",
                           "GITHUBTOKEN",
                           "clientSecretValue",
                           "ENVIRONMENT:WANDB_API_KEY",
                           "KEY",
                           "TOKEN1",
                           "KEY2",
                           "API_KEY1",
                           "apikey1",
                           "DBPASS",
                           "MYSQLPASS",
                           "ROOTPASS",
                           "USERPASS",
                           "TS_AUTHKEY",
                           "ENCRYPTIONKEY",
                           "MASTERKEY",
                           "SSHKEY",
                           "PRIVATEKEY",
                           "GPGKEY",
                           "SIGNINGKEY",
                           "LICENSEKEY",
                           "SERVICEKEY",
                           "MYTOKENS",
                           "DB_PW",
                           "ADMINPW",
                           "LDAP_BINDPW",
                           "AWS_CREDS",
                           "PASSCODE",
                           "SESSION_ID",
                           "CONNECTION_STRING",
                           "MNEMONIC",
                           "SEED_PHRASE",
                           "PASSWORT",
                           "SIFRE",
                           "PAROLA",
                           "SECRET_1",
                           "AzureConnectionString",
                           "cache_key_password"}) {
    EXPECT_TRUE(IsSecretName(name)) << name;
  }
  for (const auto* name : {"PATH",
                           "PWD",
                           "OLDPWD",
                           "TOKENIZERS_PARALLELISM",
                           "MONKEY",
                           "KEYBOARD",
                           "CUDA_VISIBLE_DEVICES",
                           "AUTHOR",
                           "PASSENGERS",
                           "HOME",
                           "name",
                           "value",
                           "COMPASS",
                           "BYPASS",
                           "cache_key",
                           "HOTKEY",
                           "keyboard",
                           "max_tokens",
                           "num_tokens",
                           "tokens_per_second",
                           "n_tokens",
                           "forward_pass",
                           "sort_by_key",
                           "dispatchKey",
                           ""}) {
    EXPECT_FALSE(IsSecretName(name)) << name;
  }
  for (const auto* name : {"USER", "hostname", "EXPORT_USER", "SLURM_JOB_USER", "Host Name", "SSH_CONNECTION",
                           "USER_NAME", "host_name", "nodename", "User Name"}) {
    EXPECT_EQ(RedactValue(name, "alice7"), kRedacted) << name;
  }
}

TEST(Redact, EnvironmentKeepsEveryNameAndLosesSecretValues) {
  const auto out = RedactEnvironment({{"PATH", "/usr/bin:/home/alice/bin"},
                                      {"API_TOKEN", "x"},
                                      {"DEBUG_TOKEN", "true"},
                                      {"MAX_TOKENS", "4096"},
                                      {"USER", "alice"},
                                      {"PLAIN", "ghp_0123456789abcdefABCDEF0123456789abcd"},
                                      {"EMPTY_SECRET", ""}});
  EXPECT_EQ(out.size(), 7U);
  EXPECT_EQ(out.at("PATH"), "/usr/bin:/home/[redacted]/bin");
  EXPECT_EQ(out.at("API_TOKEN"), kRedacted);
  EXPECT_EQ(out.at("DEBUG_TOKEN"), "true");
  EXPECT_EQ(out.at("MAX_TOKENS"), "4096");
  EXPECT_EQ(out.at("USER"), kRedacted);
  EXPECT_EQ(out.at("PLAIN"), kRedacted);
  EXPECT_EQ(out.at("EMPTY_SECRET"), "");
}

struct Case {
  const char* in;
  const char* out;
};

TEST(Redact, TextLosesWhatIsNamedAndWhatLooksLikeASecret) {
  const Case cases[] = {
      {"A=1 MY_API_TOKEN=not-a-real-secret-0123456789abcdef", "A=1 MY_API_TOKEN=[redacted]"},
      {"PATH=/bin MY_SECRET=two words here OTHER=1", "PATH=/bin MY_SECRET=[redacted] OTHER=1"},
      {"TOKEN=abc python train.py --lr 1", "TOKEN=[redacted] python train.py --lr 1"},
      {"run --token abc --max-tokens 128 --password=p1 -x",
       "run --token [redacted] --max-tokens 128 --password=[redacted] -x"},
      {R"({"api_key": "ab\"c", "key": "v", "token": "t1"})",
       R"({"api_key": "[redacted]", "key": "v", "token": "[redacted]"})"},
      {R"(sh -c '{\"password\":\"p w\"}')", R"(sh -c '{\"password\":\"[redacted]\"}')"},
      {"password: hunter2, next", "password: [redacted]"},
      {"Authorization: Basic dXNlcjpwYXNz", "Authorization: [redacted]"},
      {"got Bearer abcdef123456.x end", "got Bearer [redacted] end"},
      {"Cookie: a=b; c=d", "Cookie: [redacted]"},
      {"https://bob:pa/ss@host/x https://tok@github.com git://git@host/x http://h:8080/a@b",
       "https://[redacted]@host/x https://[redacted]@github.com git://git@host/x http://h:8080/a@b"},
      {"curl -u me:secret http://h", "curl -u [redacted] http://h"},
      {"AKIAIOSFODNN7EXAMPLE sk-abcdefghijklmnopqrstuvwx nvapi-0123456789012345678901",
       "[redacted] [redacted] [redacted]"},
      {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "[redacted]"},
      {"x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y", "x [redacted] y"},
      {"-----BEGIN PRIVATE KEY-----\nMIIE cut off", "[redacted]"},
      {"id q7Xk2LmP9sVb4TzR8wYc1NdF6hJg end", "id [redacted] end"},
      {"sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "sha256 [redacted]"},
      {"C:\\Users\\Alice\\x /home/alice/y /Users/al/z",
       "C:\\Users\\[redacted]\\x /home/[redacted]/y /Users/[redacted]/z"},
      {"to alice.b@example.org now", "to [redacted] now"},
  };
  for (const auto& c : cases) EXPECT_EQ(RedactText(c.in), c.out) << c.in;
}

TEST(Redact, AValueGoesWholeHoweverItIsGiven) {
  for (const std::string text : {"db_password=ab,REST",
                                 "db_password=ab;REST",
                                 "--password=ab&REST",
                                 "x password=ab)REST",
                                 "DB_PASSWORD=ab\"REST",
                                 "DB_PASSWORD='ab'REST",
                                 "DB_PASSWORD\t=\tREST",
                                 "password:\tREST",
                                 "--token\tREST",
                                 "--token\nREST",
                                 "password := REST",
                                 "password => 'REST'",
                                 "password == 'REST'",
                                 "password += REST",
                                 "password ?= REST",
                                 "q?password%3DREST",
                                 "<password>REST</password>",
                                 "('password', 'REST')",
                                 "[\"--token\", \"REST\"]",
                                 "os.environ['TOKEN'] = 'REST'",
                                 "password: two REST",
                                 "db:\n  password:\n    REST\n",
                                 "curl --user bob:REST http://h",
                                 "curl -ubob:REST x",
                                 "sshpass -p REST ssh x",
                                 "mysql -u root -pREST db",
                                 "redis-cli -a REST get",
                                 "machine h login bob password REST",
                                 "jdbc:oracle:thin:bob/REST@h",
                                 "Cookie: a=\"b\"; REST",
                                 "log\\nAKIA0REST6789ABCDEFG",
                                 "q%3DAKIA0REST6789ABCDEFG",
                                 "\\/home\\/zREST\\/x",
                                 "C:\\\\Users\\\\zREST\\\\x",
                                 "\"\\u0050ASSWORD\": \"REST\"",
                                 "/global/homes/z/zREST/x",
                                 "/homes/zREST/x",
                                 "/nfs/users/zREST",
                                 "/home2/zREST",
                                 "c:\\users\\zREST\\z",
                                 "cd ~zREST/x",
                                 "hostname: zREST",
                                 "User: zREST",
                                 "USER_NAME=zREST",
                                 "{\"host_name\": \"zREST\"}",
                                 "nodename: zREST",
                                 "uid=1000(zREST) gid=1000(zREST)",
                                 "Linux zREST 6.1.0-13 #1",
                                 "xapp-1-AREST-abc-defdef",
                                 "shpss_0123REST6789abcdef0123"}) {
    EXPECT_EQ(RedactText(text).find("REST"), std::string::npos) << text << " became " << RedactText(text);
  }
  EXPECT_EQ(RedactText("dapi0123456789abcdef0123456789abcdef"), kRedacted);
  EXPECT_EQ(RedactText("AGE-SECRET-KEY-1" + std::string(58, 'Q')), kRedacted);
  for (const auto* text : {"docker run -u 1000:1000 x", "max_tokens=128), tokens_per_second: 12.5",
                           "cache_key=(3, 4)", "if (password == other)", "~Tensor() /home"}) {
    EXPECT_EQ(RedactText(text), text);
  }
}

TEST(Redact, RandomKeysAreFoundAndNamesMadeOfWordsAndNumbersStay) {
  const std::vector<std::string> words = {"float", "half",  "fused", "quantized", "rowwise", "tile", "split",
                                          "gemm",  "relu",  "batch", "softmax",   "kernel",  "warp", "block",
                                          "scale", "query", "norm",  "tensor",    "stage",   "align"};
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  int found = 0;
  int kept = 0;
  constexpr int kTries = 1000;
  Random random(11);
  for (int i = 0; i < kTries; ++i) {
    std::string key;
    while (key.size() < 32) key.push_back(kLetters[random.Below(kLetters.size())]);
    found += RedactText("x " + key + " y").find(key) == std::string::npos ? 1 : 0;
    std::string name;
    while (name.size() < 32) {
      auto word = words[random.Below(words.size())];
      word[0] = static_cast<char>(word[0] - 'a' + 'A');
      name += word;
      if (random.Below(2) == 0) name += std::to_string(random.Below(512));
    }
    kept += RedactText("void ns::" + name + "<4>()").find(name) != std::string::npos ? 1 : 0;
  }
  EXPECT_GE(found, kTries * 94 / 100);
  EXPECT_EQ(kept, kTries);
}

TEST(Redact, NamesOfKernelsSymbolsAndFilesStay) {
  for (const auto* text :
       {"void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>, "
        "at::detail::Array<char*, 1>>(int, float)",
        "_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_11FillFunctorIfEENS_"
        "6detail5ArrayIPcLi1EEEEEviT0_T1_",
        "Cijk_Ailk_Bljk_HHS_BH_MT128x128x16_SE_1LDSB0_APM1_ABV0_ACED0_AF0EM1_AF1EM1_AMAS3_ASAE01_ASCE01",
        "sm80_xmma_gemm_f16f16_f16f32_f32_tn_n_tilesize128x128x32_stage4_warpsize2x2x1_tensor16x8x16_kernel",
        "void cutlass::Kernel2<cutlass_80_wmma_tensorop_f16_s161616gemm_f16_16x16_128x1_tn_align8>(Params)",
        "triton_poi_fused__to_copy_add_mul_0d1d2d3de4de",
        "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
        "void fbgemm::FloatOrHalfToFused8BitRowwiseQuantizedSBFloatAvx2<float>(float const*, int)",
        "void fbgemm::Fused8BitRowwiseQuantizedSBFloatToFloatOrHalfAvx2<float>(int)",
        "gemmFp8E4M3Bf16TileN128K64Split4Sm90", "LaunchFusedSoftmaxBackward128KernelWithDropout2",
        "memcpy@GLIBC_2.14 pthread_create@@GLIBC_2.2.5",
        "/opt/nvidia/hpc_sdk/Linux_x86_64/22.7/cuda/11.7/targets/x86_64-linux/lib/libcudart.so.11.7.60",
        "74e128b2-90b6-b409-07c8-33bee5ff6f88", "Key::Token::Secret", "alt_las@job/7/step", "if (key == 3)",
        "nvlrx__bytes_packet_request_data_user.avg.pct_of_peak_sustained_elapsed"}) {
    EXPECT_EQ(RedactText(text), text);
  }
}

TEST(Redact, DoingItAgainChangesNothing) {
  const std::vector<std::string> pieces = {"TOKEN=",
                                           "abc",
                                           " ",
                                           "\"",
                                           "'",
                                           "\\",
                                           ":",
                                           "//",
                                           "@",
                                           "--password ",
                                           "/home/al/",
                                           "x",
                                           "Bearer ",
                                           "eyJ",
                                           ".",
                                           "[redacted]",
                                           "\n",
                                           "AKIA0123456789ABCDEF",
                                           "=",
                                           "key",
                                           "SECRET",
                                           "-u a:b",
                                           "-----BEGIN PRIVATE KEY-----",
                                           "q7Xk2LmP9sVb4TzR8wYc1NdF6hJg",
                                           "a@b.org",
                                           "]",
                                           "_"};
  EXPECT_TRUE(rc::check([&](std::uint64_t seed) {
    Random random(seed);
    std::string text;
    for (std::uint64_t i = random.Below(30); i > 0; --i) text += pieces[random.Below(pieces.size())];
    const std::string once = RedactText(text);
    RC_ASSERT(RedactText(once) == once);
  }));
}

TEST(Redact, ASecretIsFoundWhateverStandsAroundIt) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    Random random(seed);
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    std::string secret = "ghp_";
    for (int i = 0; i < 36; ++i) secret.push_back(kLetters[random.Below(kLetters.size())]);
    const std::vector<std::string> around = {" ", "\"",         "'", "\n", "=", ":",   ",", "(",
                                             "[", "{\"a\": \"", "/", "\t", "$", "\\n", ""};
    const std::string text =
        around[random.Below(around.size() - 2)] + secret + around[random.Below(around.size())];
    RC_ASSERT(RedactText(text).find(secret) == std::string::npos);
  }));
}

TEST(Redact, LongTextsOfNearMissesTakeLinearTime) {
  // Each of them made a scan that looks back or ahead without bound take minutes.
  for (const std::string piece :
       {"a-", "A=", "TOKEN", "/home/", "://", "eyJ", "x/", "A1b", "\\\"", "KEY_A=1 ", "Cookie: [redacted] ",
        "password: [redacted] ", "TOKEN=\"[redacted] ", "<password>[redacted]", "/home", "////",
        "login [redacted] "}) {
    std::string text;
    while (text.size() < 30'000) text += piece;
    EXPECT_FALSE(RedactText(text).empty());
  }
  std::string beginnings;
  while (beginnings.size() < 100'000) beginnings += "eyJ-";
  EXPECT_EQ(RedactText(beginnings), beginnings);
  EXPECT_EQ(RedactText("eyJhbGciOiJIUzI1NiJ9." + beginnings), kRedacted);
}

}  // namespace
}  // namespace altlas::profile
