# SPDX-License-Identifier: Apache-2.0
"""`from ai_orchestrator import ModelLoader; ModelLoader().load_model('bert-base')`, as the monitoring document profiles
loading a model: `alt_las bench load`, whose phases show in the profile."""
import json
import os
import subprocess

from alt_las import program


class ModelLoader:
    def load_model(self, name, runs=1, arguments=()):
        """Loads the model, a folder or a name such as bert-base, and prints how long each phase took.

        Returns the figures as profile_summary.json has them. RuntimeError where loading failed; the program has then
        said why on standard error.
        """
        command = [program(), "bench", "load", "--model", os.fspath(name), "--runs", str(runs), *arguments]
        done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"loading {name} failed with exit code {done.returncode}")
        summary = json.loads(done.stdout)
        for metric in summary["metrics"]:
            if metric["unit"] == "ms":
                print(f"{metric['name']:<20} {metric['value']:10.2f} ms")
        return summary
