"""Prometheus' text format 0.0.4, read strictly: whatever is not in order raises."""

import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|})')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


class Metrics:
    """Samples by name and labels: get("heddle_x_total", label="value") sums over what fits."""

    def __init__(self, text):
        assert text.endswith("\n")
        self.types, self.samples = {}, {}
        family = helped = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                helped = line.split(" ", 3)[2]
                assert len(line.split(" ", 3)[3]) > 0, line
                continue
            if line.startswith("# TYPE "):
                family, kind = line.split(" ")[2:]
                assert family == helped and family not in self.types, f"{line}: twice, or no help"
                assert kind != "counter" or family.endswith("_total"), line
                assert family.startswith("heddle_"), line
                self.types[family] = kind
                continue
            name, labels, value = self._sample(line)
            assert family and name in [family + each for each in SUFFIXES[self.types[family]]], line
            key = name, labels
            assert key not in self.samples, f"{line}: twice"
            self.samples[key] = value
        self._check_histograms()

    def _sample(self, line):
        name = NAME.match(line).group()
        rest, labels = line[len(name):], []
        if rest.startswith("{"):
            rest = rest[1:]
            while True:
                label = LABEL.match(rest)
                assert label, line
                labels.append((label[1], re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]),
                                                label[2])))
                rest = rest[label.end():]
                if label[3] == "}":
                    break
        assert rest.startswith(" ") and len(dict(labels)) == len(labels), line
        return name, tuple(labels), float(rest[1:])

    def _check_histograms(self):
        for family, kind in self.types.items():
            if kind != "histogram":
                continue
            series = {}
            for (name, labels), value in self.samples.items():
                if name == family + "_bucket":
                    of = tuple(each for each in labels if each[0] != "le")
                    series.setdefault(of, []).append((float(dict(labels)["le"]), value))
            for of, buckets in series.items():
                assert buckets == sorted(buckets) and buckets[-1][0] == math.inf, (family, of)
                counts = [count for _, count in buckets]
                assert counts == sorted(counts), (family, of)
                assert counts[-1] == self.samples[family + "_count", of], (family, of)

    def get(self, name, **labels):
        families = {family + suffix for family, kind in self.types.items() for suffix in SUFFIXES[kind]}
        assert name in families, f"no metric {name}"
        return sum(value for (each, of), value in self.samples.items()
                   if each == name and labels.items() <= dict(of).items())
