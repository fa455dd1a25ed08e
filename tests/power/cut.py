#!/usr/bin/env python3
"""Cuts the power of a file system under a run, again and again.

A run trains on a file system in an image. At a random moment the file system is shut down as a loss of
power would do it (the shutdown ioctl of ext4 and XFS: what was not synced is gone), and the process is
killed. The image is mounted again, and the run is resumed. Required of every cut:

* no checkpoint that was announced is lost: the run goes on from the last one that its log on standard
  error, a pipe outside of the image, had called saved, or from a later one;
* it ends in the state of a run that nothing happened to;
* `trainer verify` finds nothing.

Needs Linux, root, loop devices, and mkfs.ext4 or mkfs.xfs:

    python3 tests/power/cut.py --program target/release/trainer --cuts 1000
"""

import argparse
import fcntl
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFIG = """
name = "power"
seed = 3
[model]
type = "mlp"
hidden = [32]
dropout = 0.2
[dataset]
type = "digits"
batch_size = 32
[optimizer]
type = "adamw"
lr = 0.01
[[schedule]]
type = "poly"
[train]
steps = 90
eval_every = "10 steps"
ema = { decay = 0.9 }
[checkpoint]
every = "3 steps"
keep = 2
best = { metric = "val/loss" }
"""

# _IOR('X', 125, __u32), the same for ext4 and XFS.
SHUTDOWN = 0x8004587D
# With the journal written out before, and without.
FLAGS = {"flushed journal": 1, "nothing flushed": 2}
SYSTEMS = {
    "ext4": (["mkfs.ext4", "-q", "-F"], ""),
    "ext4 writeback": (["mkfs.ext4", "-q", "-F"], "data=writeback,noauto_da_alloc"),
    "xfs": (["mkfs.xfs", "-q", "-f"], ""),
}


def command(*words, **keys):
    return subprocess.run(words, check=True, capture_output=True, text=True, **keys)


class Image:
    """A file system in a file."""

    def __init__(self, folder, system):
        make, self.options = SYSTEMS[system]
        self.file, self.place = folder / "image", folder / "disk"
        self.place.mkdir()
        with open(self.file, "wb") as image:
            image.truncate(320 << 20)
        command(*make, str(self.file))
        self.mount()

    def mount(self):
        options = ",".join(filter(None, ["loop", self.options]))
        command("mount", "-o", options, str(self.file), str(self.place))

    def cut(self, flag):
        handle = os.open(self.place, os.O_RDONLY)
        fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", flag))
        os.close(handle)

    def unmount(self):
        command("umount", str(self.place))


class Trainer:
    def __init__(self, program, config):
        self.program, self.config = str(Path(program).resolve()), config

    def words(self, *words):
        return [self.program, *map(str, words)]

    def golden(self, runs):
        began = time.monotonic()
        ran = command(*self.words("run", self.config, "-q", "--format", "json", "--runs", runs))
        return json.loads(ran.stdout)["state_hash"], time.monotonic() - began

    def broken_off(self, runs, cut):
        """Runs until `cut` returns; the steps of the checkpoints that were announced."""
        words = self.words("run", self.config, "-q", "--runs", runs)
        environment = os.environ | {"RUST_LOG": "info"}
        with tempfile.TemporaryFile("w+") as told:
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=told, env=environment)
            cut()
            process.kill()
            process.wait()
            told.seek(0)
            return [int(step) for step in re.findall(r"checkpoint saved step=(\d+)", told.read())]


def judge(trainer, runs, announced, state):
    """What is wrong after a cut, and whether there was a run."""
    found = [run for run in runs.iterdir() if run.name.startswith("power-")] if runs.exists() else []
    if not found:
        return ("the run is gone" if announced else None), False
    shown = json.loads(command(*trainer.words("show", found[0], "--format", "json")).stdout)
    if shown["status"] != "completed":
        resumed = subprocess.run(
            trainer.words("resume", found[0], "--format", "json"), capture_output=True, text=True
        )
        if resumed.returncode != 0:
            return f"resume: exit {resumed.returncode}: {resumed.stderr}", True
        step = re.search(r"at step (\d+) of", resumed.stderr)
        step = int(step.group(1)) if step else 0
        if step < max(announced, default=0):
            return f"step {max(announced)} was saved, the run went on from {step}", True
        shown = json.loads(resumed.stdout)
    if shown["state_hash"] != state:
        return "another state at the end", True
    verified = subprocess.run(trainer.words("verify", found[0]), capture_output=True, text=True)
    if verified.returncode != 0:
        return f"verify: {verified.stdout}{verified.stderr}", True
    return None, True


def main():
    keys = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    keys.add_argument("--program", default="target/release/trainer")
    keys.add_argument("--cuts", type=int, default=100, help="for each file system")
    keys.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    keys.add_argument("--seed", type=int, default=0)
    keys.add_argument("--memory", default="/dev/shm", help="where the images are")
    keys = keys.parse_args()
    if os.geteuid() != 0:
        sys.exit("skipped: only root can mount an image")

    failures = 0
    folder = Path(tempfile.mkdtemp(prefix="trainer-power-", dir=keys.memory))
    config = folder / "power.toml"
    config.write_text(CONFIG)
    trainer = Trainer(keys.program, config)
    for system in keys.systems:
        if not shutil.which(SYSTEMS[system][0][0]):
            print(f"{system}: skipped: there is no {SYSTEMS[system][0][0]}")
            continue
        dice = random.Random(f"{keys.seed} {system}")
        place = Path(tempfile.mkdtemp(dir=folder))
        image = Image(place, system)
        runs = image.place / "runs"
        state, seconds = trainer.golden(runs)
        tried = {name: [0, 0, 0] for name in FLAGS}
        for number in range(keys.cuts):
            shutil.rmtree(runs, ignore_errors=True)
            os.sync()
            name = dice.choice(list(FLAGS))
            wait = dice.uniform(0, seconds * 1.05)

            def cut():
                time.sleep(wait)
                image.cut(FLAGS[name])

            announced = trainer.broken_off(runs, cut)
            image.unmount()
            image.mount()
            why, was_there = judge(trainer, runs, announced, state)
            tried[name][0] += 1
            tried[name][1] += was_there
            if why:
                tried[name][2] += 1
                print(f"{system}, cut {number} after {wait:.3f} s, {name}: {why}")
        image.unmount()
        shutil.rmtree(place)
        for name, (cuts, there, failed) in tried.items():
            print(f"{system}, {name}: {cuts} cuts, {there} in a run, {failed} failed", flush=True)
            failures += failed
    shutil.rmtree(folder)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
