#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`alt_las profile report` over a generated capture, as a shell calls it: what the page holds equals what SQL says.

usage: report_command_test.py ALT_LAS
With ALTLAS_SAMPLES in the environment, over every capture there too.
"""
import base64
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest
import zlib

HOSTILE = "</script><img src=x onerror=alert(1)>"


def make_capture(path, kernels=600):
    """An export of Nsight Systems in the schema of 2024 with kernels, copies, calls and ranges."""
    with sqlite3.connect(path) as base:
        base.executescript("""
            create table META_DATA_EXPORT(name text, value text);
            insert into META_DATA_EXPORT values ('EXPORT_SCHEMA_VERSION', '3.13.2');
            create table StringIds(id integer primary key, value text);
            create table TARGET_INFO_SESSION_START_TIME(utcEpochNs integer);
            insert into TARGET_INFO_SESSION_START_TIME values (1700000000000000000);
            create table CUPTI_ACTIVITY_KIND_KERNEL(start integer, end integer, deviceId integer, contextId integer, streamId integer,
                correlationId integer, globalPid integer, demangledName integer, shortName integer, mangledName integer, gridX integer, gridY integer,
                gridZ integer, blockX integer, blockY integer, blockZ integer, registersPerThread integer, staticSharedMemory integer,
                dynamicSharedMemory integer);
            create table CUPTI_ACTIVITY_KIND_MEMCPY(start integer, end integer, deviceId integer, contextId integer, streamId integer,
                correlationId integer, globalPid integer, bytes integer, copyKind integer, srcKind integer, dstKind integer);
            create table CUPTI_ACTIVITY_KIND_RUNTIME(start integer, end integer, eventClass integer, globalTid integer, correlationId integer,
                nameId integer, returnValue integer);""")
        names = ["void gemm<float>(float*)", "relu", HOSTILE, "cudaLaunchKernel_v7000"]
        base.executemany("insert into StringIds values (?, ?)", enumerate(names, 1))
        thread = 77 << 24 | 77
        for at in range(kernels):
            start, name = at * 10_000, at % 3 + 1
            base.execute("insert into CUPTI_ACTIVITY_KIND_RUNTIME values (?, ?, 0, ?, ?, 4, 0)", (start - 3000, start - 1000, thread, at + 1))
            base.execute("insert into CUPTI_ACTIVITY_KIND_KERNEL values (?, ?, 0, 1, 7, ?, ?, ?, ?, ?, 1, 1, 1, 32, 1, 1, 16, 0, 0)",
                         (start, start + 4000 + name * 700, at + 1, 77 << 24, name, name, name))
        base.execute("insert into CUPTI_ACTIVITY_KIND_MEMCPY values (7000, 9000, 0, 1, 7, 900000, ?, 4096, 1, 0, 2)", (77 << 24,))
    base.close()


def report(*arguments):
    return subprocess.run([ALT_LAS, "profile", "report", *map(str, arguments)], capture_output=True, text=True, timeout=600)


def data_of(page):
    packed = re.search(r'id="data">([^<]*)</script>', page.read_text()).group(1)
    plain = zlib.decompress(base64.b64decode(packed))
    length = int.from_bytes(plain[:4], "little")
    return json.loads(plain[4:4 + length])


class ReportCommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.capture = self.folder / "run.sqlite"
        make_capture(self.capture)

    def test_the_page_holds_what_the_capture_holds(self):
        page = self.folder / "page.html"
        done = report(self.capture, "-o", page)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("page.html: ", done.stdout)
        self.assertNotIn(HOSTILE, page.read_text())
        data = data_of(page)
        with sqlite3.connect(self.capture) as base:
            rows = dict((name, (count, total)) for name, count, total in base.execute(
                "select value, count(*), sum(end - start) from CUPTI_ACTIVITY_KIND_KERNEL join StringIds on id = demangledName group by 1"))
        base.close()
        self.assertEqual({row["full_name"]: (row["count"], row["total_ns"]) for row in data["summary"]["kernels"]}, rows)
        lanes = {lane["kind"]: lane for lane in data["timeline"]["lanes"]}
        self.assertEqual({kind: lane["events"] for kind, lane in lanes.items()}, {"kernels": 600, "copies": 1, "calls": 600})
        self.assertEqual(lanes["kernels"]["busy"], sum(total for _, total in rows.values()))
        self.assertEqual(data["title"], "run.sqlite")

    def test_a_summary_makes_a_report_and_a_baseline_is_compared(self):
        summary = self.folder / "run.json"
        with open(summary, "w") as out:
            subprocess.run([ALT_LAS, "profile", "analyze", str(self.capture), "--json"], stdout=out, check=True, timeout=600)
        page = self.folder / "page.html"
        self.assertEqual(report(self.capture, "--baseline", summary, "-o", page).returncode, 0)
        data = data_of(page)
        self.assertEqual(data["baseline"]["kernels"], data["summary"]["kernels"])
        self.assertEqual(data["baseline_name"], "run.json")
        self.assertEqual(report(summary, "-o", page).returncode, 0)
        self.assertEqual(data_of(page)["timeline"]["lanes"], [])
        self.assertEqual(len(data_of(page)["summary"]["kernels"]), 3)
        mixed = report(self.capture, summary, "-o", page)
        self.assertEqual(mixed.returncode, 2)
        self.assertIn("--baseline", mixed.stderr)

    def test_two_captures_lie_on_one_axis(self):
        later = self.folder / "later.sqlite"
        make_capture(later, 10)
        with sqlite3.connect(later) as base:
            base.execute("update TARGET_INFO_SESSION_START_TIME set utcEpochNs = utcEpochNs + 1000000000")
        base.close()
        page = self.folder / "page.html"
        self.assertEqual(report(self.capture, later, "-o", page).returncode, 0)
        data = data_of(page)
        self.assertEqual([capture["label"] for capture in data["captures"]], ["run.sqlite", "later.sqlite"])
        self.assertEqual(data["timeline"]["span"], 1_000_000_000 + 9 * 10_000 + 4000 + 700 + 3000)

    def test_standard_output_takes_the_page(self):
        done = report(self.capture, "-o", "-")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.startswith("<!doctype html>"))
        self.assertTrue(done.stdout.rstrip().endswith("</html>"))

    def test_what_cannot_be_done_is_said_and_nothing_is_written(self):
        page = self.folder / "page.html"
        foreign = self.folder / "foreign.sqlite"
        foreign.write_bytes(b"\0" * 5000)
        empty = self.folder / "empty.json"
        empty.write_bytes(b"")
        for capture, code in ((self.folder / "missing.sqlite", 3), (foreign, 2), (empty, 2), (self.folder, 2)):
            done = report(capture, "-o", page)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertTrue(done.stderr.strip())
            self.assertFalse(page.exists())
        done = report(self.capture, "-o", self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is a folder", done.stderr)
        done = report(self.capture, "-o", self.folder / "none" / "page.html")
        self.assertEqual(done.returncode, 3)
        self.assertIn("there is no folder", done.stderr)

    def test_a_device_is_written_to_and_stays_one(self):
        self.assertEqual(report(self.capture, "-o", "/dev/null").returncode, 0)
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())

    @unittest.skipUnless(os.environ.get("ALTLAS_SAMPLES"), "ALTLAS_SAMPLES names no folder of captures")
    def test_every_sample_makes_a_page(self):
        page = self.folder / "page.html"
        samples = [path for path in pathlib.Path(os.environ["ALTLAS_SAMPLES"]).iterdir() if path.suffix in (".sqlite", ".csv", ".gz")]
        self.assertTrue(samples)
        for sample in samples:
            done = report(sample, "-o", page)
            self.assertEqual(done.returncode, 0, f"{sample}: {done.stderr}")
            data = data_of(page)
            self.assertTrue(data["timeline"]["lanes"] or data["summary"]["kernel_details"], sample)


if __name__ == "__main__":
    ALT_LAS = sys.argv[1]
    unittest.main(argv=sys.argv[:1], verbosity=2)
