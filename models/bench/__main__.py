"""One encoder, measured in a process of its own: name, device, runs, threads; prints its cost as JSON."""

import json
import sys
from dataclasses import asdict

import torch

from .encoders import measure

name, device, runs, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
print(json.dumps(asdict(measure(name, device, int(runs)))))
