"""Training steps of trainer against PyTorch and stock Candle, in one run.

    python3 benches/compare.py --json FILE [--workloads A,B] [--rounds 5] [--threads 2] [--write]
    python3 benches/compare.py --json FILE --end-to-end

Every round runs each side once, in turn, each in a process of its own. A process takes the median of
its steps; shown is the median of the rounds, with their quartiles. PyTorch is given its best: the
newest from PyPI, the fastest of its variants, glibc's allocator told to keep its pages. What is
counted and what the JSON holds stands in docs/benchmarks.md.
"""

import argparse
import datetime
import gzip
import json
import math
import os
import pathlib
import platform
import random
import shutil
import statistics
import string
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / "target" / "compare"
PYTORCH = ROOT / "benches" / "pytorch"
sys.path.insert(0, str(PYTORCH))

import flops  # noqa: E402

WORKLOADS = {"A": "mlp-sgd", "A'": "mlp-adamw", "B": "cnn", "C": "resnet", "D": "gpt", "E": "lstm"}
IMAGES = ("cnn", "resnet")
BATCHES = 8
KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
POOLS = ("OMP", "MKL", "OPENBLAS", "RAYON", "CANDLE")
# Variables of the caller that would change what is measured.
DISTURBING = ("OMP_", "MKL_", "KMP_", "MALLOC_", "LD_PRELOAD", "RUST_LOG")
SETS = ("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "sve")
# Seconds that a process may take; compiling takes the longest.
LIMIT, COMPILE_LIMIT = 300, 900
MARKERS = ("<!-- steps: begin -->", "<!-- steps: end -->")


def variants(workload):
    """PyTorch's ways of doing the same."""
    words = ["eager", "foreach", "fused", "fused+compile"]
    if workload in IMAGES:
        words += ["eager+channels_last", "fused+channels_last", "fused+channels_last+compile"]
    return words


def environment(threads):
    """Threads pinned, nothing of the caller's that changes how anybody computes."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(DISTURBING)}
    return kept | {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Side:
    """A command that measures itself and prints JSON."""

    def __init__(self, name, command, env, limit=LIMIT):
        self.name, self.command, self.env, self.limit = name, command, env, limit
        self.found, self.failed = [], None

    def run(self):
        if self.failed:
            return
        try:
            done = subprocess.run(
                self.command, env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=self.limit
            )
        except subprocess.TimeoutExpired:
            self.failed = f"no result in {self.limit} s"
        else:
            if done.returncode == 0:
                self.found.append(json.loads(done.stdout.strip().splitlines()[-1]))
                return
            words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            errors = [line for line in words if "rror" in line]
            self.failed = (errors or words)[-1].strip()[:200]
        say(f"  {self.name} failed: {self.failed}")

    def quartiles(self, key):
        """Lower quartile, median and upper quartile over the rounds; `None` where it failed."""
        values = [found[key] for found in self.found]
        if self.failed or not values:
            return None
        if len(values) == 1:
            return [values[0]] * 3
        return statistics.quantiles(values, n=4, method="inclusive")

    def median(self, key):
        spread = self.quartiles(key)
        return spread and spread[1]


class Trainer(Side):
    """`trainer bench`, in the words of the others."""

    def run(self):
        before = len(self.found)
        super().run()
        for found in self.found[before:]:
            found["ms"] = found["step_ms"]["median"]
            found["base_mb"], found["peak_mb"] = (found["memory"][key] / 1e6 for key in ("base", "peak"))


def interpreter(given):
    """The Python that has PyTorch: the one that was named, or a throwaway environment's."""
    if given:
        return given
    python = CACHE / "venv" / "bin" / "python"
    ready = CACHE / "venv" / "ready"
    if not ready.exists():
        say("installing PyTorch from PyPI (once)")
        shutil.rmtree(CACHE / "venv", ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "venv")], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "torch", "numpy"], check=True)
        ready.touch()
    return str(python)


def built(sides):
    """Builds what is measured; the paths of `trainer` and of the stock bench."""
    paths = {}
    targets = {"trainer": ["build", "--bin", "trainer"], "candle": ["bench", "--no-run", "--bench", "stock"]}
    for side, target in targets.items():
        if side not in sides:
            continue
        say(f"building {side}")
        release = ["--release"] if side == "trainer" else []
        command = ["cargo", *target, *release, "--locked", "--message-format", "json"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        messages = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
        name = target[-1]
        made = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == name]
        paths[side] = made[-1]
    return paths


def write_text():
    """A text of 65 different characters, in any order."""
    letters = string.ascii_letters + "\n !$&',-.3:;?"
    assert len(letters) == 65
    draw = random.Random(1)
    CACHE.mkdir(parents=True, exist_ok=True)
    text = letters + "".join(draw.choices(letters, k=200_000))
    (CACHE / "text.txt").write_text(text, encoding="utf-8")


def measure(workload, args, paths, python):
    """One workload's object."""
    env = environment(args.threads)
    torch_env = env | KEEP_PAGES | {"TORCHINDUCTOR_CACHE_DIR": str(CACHE / "inductor")}
    ours, stock, torch = [], [], []
    if "trainer" in paths:
        config = f"benches/workloads/{workload}.toml"
        flags = ["--threads", str(args.threads), "--batches", str(BATCHES), "--seconds", "10", "--format", "json", "-q"]
        ours = [Trainer("trainer", [paths["trainer"], "bench", config, *flags], env)]
    if "candle" in paths:
        stock = [Side("candle", [paths["candle"], workload], env)]
    if "pytorch" in args.sides:
        script = [python, str(PYTORCH / "steps.py"), workload]
        for variant in variants(workload):
            limit = COMPILE_LIMIT if "compile" in variant else LIMIT
            torch.append(Side(variant, [*script, variant, str(args.threads)], torch_env, limit))
    peak = Side("peak", [python, str(PYTORCH / "steps.py"), "peak", str(args.threads)], torch_env)
    sides = [*ours, *stock, *torch, *([peak] if torch else [])]
    for number in range(args.rounds):
        say(f"{workload}: round {number + 1} of {args.rounds}")
        # Nobody is always first.
        for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
            side.run()
    return summed_up(workload, ours, stock, torch, peak)


def summed_up(workload, ours, stock, torch, peak):
    working = [side for side in torch if side.median("ms")]
    best = min(working, key=lambda side: side.median("ms"), default=None)
    mine, plain = (sides[0] if sides else None for sides in (ours, stock))

    def value(side, key="ms"):
        return side.median(key) if side else None

    def over(a, b):
        return a / b if a and b else None

    gflops = max((found["gflops"] for found in peak.found), default=None)

    def share(side):
        ms = value(side)
        return flops.STEP[workload] / (1e6 * ms) / gflops if ms and gflops else None

    def grown(side):
        peak_mb, base_mb = value(side, "peak_mb"), value(side, "base_mb")
        return peak_mb - base_mb if peak_mb and base_mb else None

    return {
        "workload": workload,
        "trainer_ms": value(mine),
        "trainer_quartiles": mine and mine.quartiles("ms"),
        "pytorch_ms": value(best),
        "pytorch_quartiles": best and best.quartiles("ms"),
        "pytorch_variant": best and best.name,
        "variants": {side.name: side.median("ms") or f"failed: {side.failed}" for side in torch},
        "candle_ms": value(plain),
        "candle_quartiles": plain and plain.quartiles("ms"),
        "ratio": over(value(best), value(mine)),
        "candle_ratio": over(value(plain), value(mine)),
        "flops": flops.STEP[workload],
        "peak_gflops": gflops,
        "peak_share": share(mine),
        "pytorch_peak_share": share(best),
        "trainer_mb": value(mine, "peak_mb"),
        "pytorch_mb": value(best, "peak_mb"),
        "trainer_growth_mb": grown(mine),
        "pytorch_growth_mb": grown(best),
        "trainer_ledger_ms": mine.found[-1]["ledger_ms"] if mine and mine.found else None,
        "failed": {side.name: side.failed for side in [*ours, *stock] if side.failed},
    }


def whole(command, env):
    """Runs a command; its seconds and the JSON of its last line."""
    start = time.perf_counter()
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}:\n{done.stderr}")
    return seconds, json.loads(done.stdout.strip().splitlines()[-1])


def unpacked(given):
    """A folder with MNIST's files unpacked, as torchvision leaves and reads them."""
    folder = CACHE / "mnist"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(given.glob("*ubyte*")):
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        (folder / path.name.removesuffix(".gz")).write_bytes(content)
    return folder


def end_to_end(args, paths, python):
    """One epoch of MNIST and the way to the first step, both as whole commands."""
    folder = os.environ.get("MNIST")
    if not folder:
        raise SystemExit("--end-to-end needs the folder of MNIST's four files in the variable MNIST")
    given = pathlib.Path(folder).resolve()
    threads, trainer = str(args.threads), paths["trainer"]
    env = environment(threads) | {"MNIST": str(unpacked(given))}
    torch_env = env | KEEP_PAGES
    config = ["configs/mnist-cnn.toml", "--set", f"train.threads={threads}"]
    config += ["--set", 'dataset.transform=[{type="normalize",mean=[0.1307],std=[0.3081]}]', "-q", "--format", "json"]
    script = [python, str(PYTORCH / "epoch.py"), env["MNIST"]]
    runs = CACHE / "runs"
    names = ("trainer", "trainer epoch", "trainer first", "trainer first, as given", "pytorch first")
    seconds = {name: [] for name in names}
    for workers in (0, 2):
        seconds |= {f"pytorch {workers}": [], f"pytorch {workers} epoch": []}
    accuracy = {}
    for number in range(args.rounds):
        say(f"mnist: round {number + 1} of {args.rounds}")
        took, summary = whole([trainer, "run", *config, "--epochs", "1", "--runs", str(runs)], env)
        seconds["trainer"].append(took)
        apart = ("evaluation", "checkpoint")
        seconds["trainer epoch"].append(sum(s for name, s in summary["ledger"].items() if name not in apart))
        accuracy["trainer"] = summary["metrics"]["test/accuracy"]
        for name, folder in (("trainer first", env["MNIST"]), ("trainer first, as given", str(given))):
            took, _ = whole([trainer, "bench", *config, "--warmup", "0", "--steps", "1"], env | {"MNIST": folder})
            seconds[name].append(took)
        for workers in (0, 2):
            took, found = whole([*script, str(workers), threads], torch_env)
            seconds[f"pytorch {workers}"].append(took)
            seconds[f"pytorch {workers} epoch"].append(found["epoch_s"])
            accuracy["pytorch"] = found["test"]
        took, _ = whole([*script, "0", threads, "first-step"], torch_env)
        seconds["pytorch first"].append(took)
    shutil.rmtree(runs, ignore_errors=True)
    took = {name: statistics.median(values) for name, values in seconds.items()}
    workers = min((0, 2), key=lambda workers: took[f"pytorch {workers}"])
    theirs, their_epoch = took[f"pytorch {workers}"], took[f"pytorch {workers} epoch"]
    return {
        "workload": "mnist-epoch",
        "trainer_s": took["trainer"],
        "pytorch_s": theirs,
        "pytorch_workers": workers,
        "ratio": theirs / took["trainer"],
        "trainer_epoch_s": took["trainer epoch"],
        "pytorch_epoch_s": their_epoch,
        "epoch_ratio": their_epoch / took["trainer epoch"],
        "trainer_first_step_s": took["trainer first"],
        "trainer_first_step_as_given_s": took["trainer first, as given"],
        "pytorch_first_step_s": took["pytorch first"],
        "first_step_ratio": took["pytorch first"] / took["trainer first"],
        "test_accuracy": accuracy,
        "rounds": seconds,
    }


def mean(results, args, versions):
    """The geometric means of the ratios, and what was measured on what."""

    def of(key):
        ratios = [found[key] for found in results if found.get(key)]
        return math.exp(statistics.fmean(map(math.log, ratios))) if ratios else None

    return {
        "workload": "geometric_mean",
        "ratio": of("ratio"),
        "candle_ratio": of("candle_ratio"),
        "threads": args.threads,
        "rounds": args.rounds,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": versions,
    }


def machine():
    model, flags = platform.machine(), []
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, text = (part.strip() for part in line.partition(":"))
        if name == "model name":
            model = text
        if name in ("flags", "Features"):
            flags = text.split()
    known = [name for name in SETS if name in flags]
    return {"processor": model, "cores": os.cpu_count(), "sets": known, "system": platform.system()}


def versions(python):
    """What is compared with what."""
    asked = "import torch, platform; print(torch.__version__, platform.python_version())"
    torch, own = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    candle = lock.split('name = "candle-core"\nversion = "')[1].split('"')[0]
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {"pytorch": torch, "python": own, "candle": candle, "trainer": commit.stdout.strip()}


def table(results, end):
    """The results as Markdown."""

    def number(value, digits=3):
        return "–" if value is None else f"{value:.{digits}g}" if value < 100 else f"{value:.0f}"

    def spread(found, side):
        quartiles = found[f"{side}_quartiles"]
        if not quartiles:
            return "–"
        low, middle, high = (number(value) for value in quartiles)
        return f"{middle} ({low}–{high})"

    def percent(value):
        return "–" if value is None else f"{100 * value:.0f} %"

    lines = [
        "| workload | trainer, ms | PyTorch, ms | its variant | PyTorch / trainer | stock Candle, ms | Candle / trainer "
        "| share of peak, trainer · PyTorch | most memory, MB | of it since start |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for found in results:
        if "trainer_quartiles" not in found:
            continue
        cells = [
            found["workload"], spread(found, "trainer"), spread(found, "pytorch"),
            (found["pytorch_variant"] or "–").replace("+", ", "), number(found["ratio"]),
            spread(found, "candle"), number(found["candle_ratio"]),
            f"{percent(found['peak_share'])} · {percent(found['pytorch_peak_share'])}",
            f"{number(found['trainer_mb'])} · {number(found['pytorch_mb'])}",
            f"{number(found['trainer_growth_mb'])} · {number(found['pytorch_growth_mb'])}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(f"| geometric mean | | | | {number(end['ratio'])} | | {number(end['candle_ratio'])} | | | |")
    for found in results:
        if found["workload"] == "mnist-epoch":
            lines += ["", *epoch_table(found, number)]
    return "\n".join(["", about(end), "", *lines, ""])


def epoch_table(found, number):
    """The table of `--end-to-end`."""
    rows = [
        ("one epoch of MNIST, whole command", "trainer_s", "pytorch_s", "ratio"),
        ("the epoch's updates alone", "trainer_epoch_s", "pytorch_epoch_s", "epoch_ratio"),
        ("from the command to the first update", "trainer_first_step_s", "pytorch_first_step_s", "first_step_ratio"),
    ]
    lines = ["| | trainer, s | PyTorch, s | PyTorch / trainer |", "|---|---|---|---|"]
    lines += [f"| {what} | {' | '.join(number(found[key]) for key in keys)} |" for what, *keys in rows]
    return [*lines, f"| the same with the files as given | {number(found['trainer_first_step_as_given_s'])} | – | – |"]


def about(end):
    machine, versions = end["machine"], end["versions"]
    return (
        f"{machine['processor']}, {machine['cores']} cores ({', '.join(machine['sets'])}), {machine['system']}; "
        f"{end['threads']} threads, {end['rounds']} rounds; PyTorch {versions['pytorch']}, Candle {versions['candle']}, "
        f"trainer {versions['trainer']}; {end['date']}. In brackets: quartiles of the rounds."
    )


def write(markdown):
    """Puts the table between its markers in docs/benchmarks.md."""
    path = ROOT / "docs" / "benchmarks.md"
    before, rest = path.read_text(encoding="utf-8").split(MARKERS[0])
    after = rest.split(MARKERS[1])[1]
    path.write_text(before + MARKERS[0] + "\n" + markdown + "\n" + MARKERS[1] + after, encoding="utf-8")


def named(text):
    """Workloads by letter or name."""
    names = [WORKLOADS.get(part, part) for part in text.split(",") if part]
    unknown = [name for name in names if name not in WORKLOADS.values()]
    if unknown:
        known = ", ".join(f"{letter} ({name})" for letter, name in WORKLOADS.items())
        raise argparse.ArgumentTypeError(f"unknown {', '.join(unknown)}; there are {known}")
    return names


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", required=True, metavar="FILE", help="where the numbers go")
    parser.add_argument("--workloads", type=named, default=list(WORKLOADS.values()), help="A,A',B,C,D,E or names; \"\": none")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sides", type=lambda text: text.split(","), default=["trainer", "candle", "pytorch"])
    parser.add_argument("--python", help="an interpreter that has torch and numpy")
    parser.add_argument("--end-to-end", action="store_true", help="an epoch of MNIST too; needs the variable MNIST")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    return parser.parse_args()


def main():
    args = arguments()
    write_text()
    python = interpreter(args.python)
    paths = built(args.sides)
    results = []
    for workload in args.workloads:
        results.append(measure(workload, args, paths, python))
        found = results[-1]
        say(f"  trainer {found['trainer_ms']} ms, PyTorch {found['pytorch_ms']} ms ({found['pytorch_variant']}), "
            f"Candle {found['candle_ms']} ms, ratio {found['ratio']}")  # fmt: skip
    steps = list(results)
    if args.end_to_end:
        results.append(end_to_end(args, paths, python))
    end = mean(steps, args, versions(python))
    pathlib.Path(args.json).write_text(json.dumps([*results, end], indent=2) + "\n", encoding="utf-8")
    markdown = table(results, end)
    print(markdown)
    if args.write:
        write(markdown)


if __name__ == "__main__":
    main()
