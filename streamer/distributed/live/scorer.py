"""The deployment that holds the model: calls of several gateways are computed together."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ray import serve

from emoscope.models.contract import ModelContract

from ...engine import ModelRequest
from ...engine.fusing import shipped_branch
from ...engine.opening import open_engine
from ...session.requests import Request, Result, complete

CALLS = 16  # that are computed together at most
GATHER_S = 0.002  # a gateway has gathered the requests of its own streams already
HUNG_S = 60.0  # after so long in one batch a scorer is replaced


class Scorer:
    """Loads the model when it is made. Any gateway may ask any scorer: no answer depends on earlier ones."""

    def __init__(self, model: ModelRequest) -> None:
        opened = open_engine(
            model.model,
            device=model.device,
            threads=model.threads,
            batch=model.batch,
            engine=model.engine,
            many_sessions=True,
        )
        if model.words:
            shipped_branch()
        self._contract, self._batch, self._engine = opened.contract, opened.batch, opened.engine
        self._thread = ThreadPoolExecutor(1, "emoscope model")
        self._began: float | None = None

    def model(self) -> tuple[ModelContract, int]:
        """What a session must know of the model, and the most windows in one forward pass."""
        return self._contract, self._batch

    @serve.batch(max_batch_size=CALLS, batch_wait_timeout_s=GATHER_S)
    async def answer(self, calls: list[list[Request]]) -> list[list[Result]]:
        """One result for each request of each call, in any order."""
        self._began = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, calls)
        finally:
            self._began = None

    def check_health(self) -> None:
        """Raise where the model hangs: Ray Serve then puts another scorer in its place."""
        if self._began is not None and time.monotonic() - self._began > HUNG_S:
            raise RuntimeError(f"the model has computed one batch for more than {HUNG_S:g} s")

    def _answer(self, calls: list[list[Request]]) -> list[list[Result]]:
        # Ids are unique within a call only: in a batch, a request is known by its place.
        places = [(call, request.id) for call, requests in enumerate(calls) for request in requests]
        requests = [request for call in calls for request in call]
        numbered = [replace(request, id=place) for place, request in enumerate(requests)]
        answers: list[list[Result]] = [[] for _ in calls]
        for result in complete(numbered, self._engine(numbered)):
            call, number = places[result.id]
            answers[call].append(replace(result, id=number))
        return answers
