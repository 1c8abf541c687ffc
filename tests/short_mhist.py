"""``python tests/short_mhist.py ARGUMENTS``: the command line, one epoch a run of MHIST.

Networks, configurations and everything else of ``reproduce mhist`` stay; the weights in the
cache may be others than the official ones.
"""

import sys
from dataclasses import replace

from kdteach.__main__ import main
from kdteach.experiments import EXPERIMENTS
from kdteach.models import pretrained


def shortened(config):
    teacher = {"teacher": shortened(config["teacher"])} if "teacher" in config else {}
    return {**config, **teacher, "epochs": 1}


def shortened_configurations():
    return tuple(shortened(config) for config in EXPERIMENTS["mhist"].configurations)


def register():
    short = shortened_configurations()
    EXPERIMENTS["mhist"] = replace(EXPERIMENTS["mhist"], configurations=short, seeds=1)


if __name__ == "__main__":
    register()
    pretrained._require_official = lambda *_: None
    sys.exit(main())
