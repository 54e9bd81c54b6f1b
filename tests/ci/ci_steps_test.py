#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the steps of deploy/ci/Jenkinsfile as Jenkins would (`sh -xe`), in order, in a workspace of its own: the app's image is a local
script, the gate is the real program. Checks the same of the GitHub workflow's steps, and what both do with each outcome.

usage: ci_steps_test.py ALT_LAS REPOSITORY
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ALT_LAS = REPOSITORY = None

# `profile run` leaves a capture, `profile analyze` prints its summary: what the program in the app's image does.
APP_ALT_LAS = """#!/bin/sh
set -eu
case "$2" in
  run) while [ "$1" != --output ]; do shift; done; mkdir -p "$2"
    for name in ${APP_CAPTURES:-system_profile.sqlite}; do echo "capture $name" >"$2/$name"; done ;;
  analyze) test -s "$3"; echo "analyzed: $3" >&2; echo "{\\"avg_kernel_time\\": ${APP_KERNEL_MS:-17.7}}" ;;
  *) exit 2 ;;
esac
"""

# docker run OPTIONS IMAGE COMMAND...: keeps its command line and runs the command right here.
DOCKER = """#!/bin/sh
set -eu
printf '%s\\n' "$*" >>"$DOCKER_LINES"
[ "$1" = run ] || exit 0
while [ "$1" != "$IMAGE" ]; do shift; done
shift
exec "$@"
"""

# A benchmark as noisy as a real one, and the same on every machine.
BENCHMARK = """#!/bin/sh
n=$(cat "$COUNT" 2>/dev/null || echo 0); n=$((n + 1)); echo $n >"$COUNT"
[ -z "${APP_BROKEN:-}" ] || { echo "no such device" >&2; exit 9; }
awk -v n=$n -v c="${APP_CENTER:-10}" 'BEGIN { x = (n * 7919 % 101) / 101 - 0.5
  printf "{\\"avg_kernel_time\\": %.6f}", c * (1 + 0.03 * x) }' >"$ALTLAS_SUMMARY_OUT"
"""


def jenkinsfile():
    text = (REPOSITORY / "deploy/ci/Jenkinsfile").read_text()
    return re.sub(r"(?m)^\s*//.*$", "", text)


def block(text, opening):
    """What stands between the braces behind `opening`."""
    start = text.index("{", text.index(opening))
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start + 1 : i]
    raise AssertionError(f"{opening}: the braces do not match")


def stages():
    """(name, its shell steps) in order."""
    found = []
    for name in re.findall(r"stage\('([^']+)'\)", jenkinsfile()):
        body = block(jenkinsfile(), f"stage('{name}')")
        found.append((name, re.findall(r"\bsh\s*\(?\s*(?:script:\s*)?'([^']+)'", body)))
    return found


def workflow_steps():
    text = (REPOSITORY / "deploy/ci/github-workflow.yml").read_text()
    return [(m[1], m[2]) for m in re.finditer(r"- name: (.+)\n(?:\s+if: .+\n)?\s+run: (.+)\n", text)]


class Workspace:
    """A checkout with a baseline of the benchmark at 10 ms."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder)
        shutil.copytree(REPOSITORY / "deploy/ci", self.path / "deploy/ci")
        for name, text in (("app_alt_las", APP_ALT_LAS), ("benchmark", BENCHMARK)):
            (self.path / name).write_text(text)
            (self.path / name).chmod(0o755)
        (self.path / "perf").mkdir()
        self.environment = {
            **os.environ,
            "RUN_PREFIX": "",
            "BUILD_COMMAND": "touch built",
            "UNIT_TEST_COMMAND": "test -f built",
            "DEPLOY_PREFIX": "echo",
            "ALT_LAS": ALT_LAS,
            "APP_ALT_LAS": str(self.path / "app_alt_las"),
            "BENCHMARK_COMMAND": str(self.path / "benchmark"),
            "COUNT": str(self.path / "count"),
            "GATE_METRIC": "avg_kernel_time",
            "WORKSPACE": str(self.path),
            "BUILD_NUMBER": "7",
        }
        for name, value in re.findall(r"""(?m)^\s+(\w+) = ['"](.*)['"]$""", block(jenkinsfile(), "environment")):
            self.environment[name] = re.sub(r"\$\{(\w+)\}", lambda m: self.environment[m[1]], value)

    def step(self, line, **more):
        return subprocess.run(["sh", "-xe", "-c", line], cwd=self.path, env={**self.environment, **more}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def record(self):
        done = self.step(f"'{ALT_LAS}' profile gate record --baseline perf/baseline.json -- deploy/ci/run_once.sh")
        assert done.returncode == 0, done.stdout

    def run(self, **more):
        """Every stage's steps until one fails: {stage: exit code}, and all the output."""
        codes, output = {}, ""
        for name, steps in stages():
            for line in steps:
                done = self.step(line, **more)
                codes[name] = done.returncode
                output += done.stdout
                # Jenkins ends the build, or for the validation goes by the code as the script block says.
                if done.returncode != 0:
                    return codes, output
        return codes, output


class CiSteps(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.workspace = Workspace(self.folder.name)

    def test_the_stages_are_those_of_the_document(self):
        self.assertEqual([name for name, _ in stages()],
                         ["Checkout", "Build", "Unit Tests", "Performance Profiling", "Performance Validation", "Deploy"])
        for name, steps in stages()[1:]:
            self.assertEqual(len(steps), 1, name)
            script = REPOSITORY / steps[0]
            self.assertTrue(os.access(script, os.X_OK), script)

    def test_a_build_without_a_regression_goes_through_to_deploy(self):
        self.workspace.record()
        codes, output = self.workspace.run()
        self.assertEqual(set(codes.values()), {0}, output)
        self.assertIn("docker push altlas-app:latest", output)
        for artifact in ("profile_summary.json", "gate.md", "gate_junit.xml"):
            self.assertTrue((self.workspace.path / "nsight-data" / artifact).is_file(), artifact)

    def test_what_was_captured_is_analyzed_and_not_the_counters_beside_it(self):
        profiling = dict(stages())["Performance Profiling"][0]
        for captures, chosen in {
            "manifest.json counters.alc torch-12.json.gz": "torch-12.json.gz",
            "counters.alc gpu-12.alc": "gpu-12.alc",
            "counters.alc worker-9.alc worker-10-larger.alc": "worker-10-larger.alc",
            "counters.alc torch-1.json.gz system_profile.nsys-rep": "system_profile.nsys-rep",
            "counters.alc manifest.json": "counters.alc",
        }.items():
            done = self.workspace.step(profiling, APP_CAPTURES=captures)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertRegex(done.stdout, f"analyzed: .*/{chosen}\n")

    def test_a_regression_ends_before_deploy_with_one(self):
        self.workspace.record()
        codes, output = self.workspace.run(APP_CENTER="10.8")
        self.assertEqual(codes["Performance Validation"], 1, output)
        self.assertNotIn("docker push", output)
        self.assertIn("<failure", (self.workspace.path / "nsight-data/gate_junit.xml").read_text())

    def test_the_documents_limit_alone_is_enough_to_fail(self):
        self.workspace.record()
        codes, output = self.workspace.run(APP_KERNEL_MS="250")
        self.assertEqual(codes["Performance Validation"], 1, output)

    def test_another_machine_is_inconclusive(self):
        self.workspace.record()
        baseline = self.workspace.path / "perf/baseline.json"
        baseline.write_text(re.sub(r'"cores":"[^"]*"', '"cores":"9999"', baseline.read_text()))
        codes, output = self.workspace.run()
        self.assertEqual(codes["Performance Validation"], 3, output)

    def test_a_benchmark_that_breaks_is_an_error_and_no_verdict(self):
        self.workspace.record()
        codes, output = self.workspace.run(APP_BROKEN="1")
        self.assertNotIn(codes["Performance Validation"], (0, 1, 3), output)
        self.assertIn("no such device", output)

    def test_no_verdict_of_an_earlier_build_is_left_where_nothing_could_be_measured(self):
        self.workspace.record()
        validation = dict(stages())["Performance Validation"][0]
        verdicts = [self.workspace.path / "nsight-data" / name for name in ("gate.md", "gate_junit.xml")]
        self.assertEqual(self.workspace.step(validation).returncode, 0)
        for verdict in verdicts:
            self.assertTrue(verdict.is_file(), verdict)
        done = self.workspace.step(validation, APP_BROKEN="1")
        self.assertNotIn(done.returncode, (0, 1, 3), done.stdout)
        for verdict in verdicts:
            self.assertFalse(verdict.exists(), verdict)

    def test_the_image_runs_as_the_agents_user_and_sees_its_folder_alone(self):
        folder = self.workspace.path / "stand-ins"
        folder.mkdir()
        (folder / "docker").write_text(DOCKER)
        (folder / "docker").chmod(0o755)
        lines = self.workspace.path / "docker_lines"
        del self.workspace.environment["RUN_PREFIX"]
        done = self.workspace.step(dict(stages())["Performance Profiling"][0], DOCKER_LINES=str(lines), IMAGE="the-image",
                                   PATH=f"{folder}:{os.environ['PATH']}")
        self.assertEqual(done.returncode, 0, done.stdout)
        data = self.workspace.environment["NSIGHT_DATA_DIR"]
        head = f"run --rm --gpus all --user {os.getuid()}:{os.getgid()} -v {data}:{data} -e ALTLAS_SUMMARY_OUT the-image "
        said = lines.read_text().splitlines()
        self.assertEqual(len(said), 2, said)
        for line in said:
            self.assertTrue(line.startswith(head), line)

    def test_the_first_build_records_a_baseline(self):
        codes, output = self.workspace.run()
        self.assertEqual(codes["Performance Validation"], 0, output)
        self.assertTrue((self.workspace.path / "nsight-data/baseline.json").is_file())

    def test_jenkins_maps_the_exit_codes_and_deploys_only_a_stable_main(self):
        validation = block(jenkinsfile(), "stage('Performance Validation')")
        self.assertRegex(validation, r"returnStatus: true")
        self.assertRegex(validation, r"code == 1\) \{\s+unstable\(")
        self.assertRegex(validation, r"code == 3\) \{\s+unstable\(")
        self.assertRegex(validation, r"code != 0\) \{\s+error\(")
        when = block(block(jenkinsfile(), "stage('Deploy')"), "when")
        self.assertIn("branch 'main'", when)
        self.assertIn("currentBuild.currentResult == 'SUCCESS'", when)
        self.assertIn("archiveArtifacts", block(block(jenkinsfile(), "post"), "always"))

    def test_the_workflows_steps_run_and_say_why_they_fail(self):
        self.assertEqual([name for name, _ in workflow_steps()],
                         ["Build", "Unit Tests", "Performance Profiling", "Performance Validation", "Deploy"])
        self.workspace.record()
        page = self.workspace.path / "page.md"
        for name, line in workflow_steps()[:4]:
            done = self.workspace.step(line, APP_CENTER="10.8", GITHUB_STEP_SUMMARY=str(page))
            self.assertEqual(done.returncode, 1 if name == "Performance Validation" else 0, done.stdout)
        self.assertIn("::error::Performance gate: FAIL", done.stdout)
        self.assertIn("## Performance gate: FAIL", page.read_text())

    def test_the_workflow_pins_its_actions_and_uploads_always(self):
        text = (REPOSITORY / "deploy/ci/github-workflow.yml").read_text()
        uses = re.findall(r"uses: (\S+)", text)
        self.assertEqual(len(uses), 2)
        for action in uses:
            self.assertRegex(action, r"^actions/[a-z-]+@[0-9a-f]{40}$")
        self.assertRegex(text, r"if: always\(\)\n\s+uses: actions/upload-artifact@")


if __name__ == "__main__":
    ALT_LAS, REPOSITORY = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0], "-v"])
