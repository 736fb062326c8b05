"""The model as the harness asks it: its three kinds of requests, answered by evoreg's own loops.

This module needs the extra ``lm-eval``; nothing else imports it at the top.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from lm_eval.api.model import LM

from evoreg.evolve.tasks.encoding import encode, failed, opened, window
from evoreg.evolve.tasks.generate import Limits, Reply, replies
from evoreg.evolve.tasks.likelihood import Asked, likelihoods
from evoreg.evolve.tasks.perplexity import windows
from evoreg.evolve.tasks.prompts import divided
from evoreg.evolve.tasks.task import Player


class HarnessModel(LM):  # type: ignore[misc] # lm_eval declares no types
    """A player for the harness; remembers the replies of each document."""

    def __init__(self, player: Player, *, rows: int, most: int, chat: bool) -> None:
        super().__init__()
        self._player = player
        self._rows = rows
        self._most = most
        self._special = not chat
        self.written: dict[int, list[Reply]] = defaultdict(list)

    @property
    def tokenizer_name(self) -> str:
        """Name for caches, which are not used."""
        return "candidate"

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Return a chat as the tokenizer's template writes it."""
        return str(
            self._player.tokenizer.apply_chat_template(
                chat_history,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
            )
        )

    def loglikelihood(self, requests: Sequence[Any], **_: object) -> list[tuple[float, bool]]:
        """Return how likely each continuation is, and whether it is the likeliest."""
        pairs = [request.args for request in requests]
        contexts = encode(self._player, [one for one, _ in pairs], special=self._special)
        wholes = encode(self._player, ["".join(pair) for pair in pairs], special=self._special)
        asked = [Asked(*divided(*each)) for each in zip(contexts, wholes, strict=True)]
        return [(each.nats, each.greedy) for each in likelihoods(self._player, asked, self._rows)]

    def loglikelihood_rolling(self, requests: Sequence[Any], **_: object) -> list[float]:
        """Return how likely each text is as a whole."""
        texts = encode(self._player, [request.args[0] for request in requests], special=False)
        sees, start = window(self._player), opened(self._player, ())
        parts = [(at, part) for at, text in enumerate(texts) for part in windows(start, text, sees)]
        found = likelihoods(self._player, [part for _, part in parts], self._rows)
        nats = [0.0] * len(texts)
        for (at, _part), each in zip(parts, found, strict=True):
            nats[at] += each.nats
        return nats

    def generate_until(self, requests: Sequence[Any], **_: object) -> list[str]:
        """Return a greedy reply to each prompt."""
        limits = [self._limits(request.args[1]) for request in requests]
        texts = [""] * len(requests)
        order = sorted(range(len(requests)), key=lambda at: (repr(limits[at]), at))
        for _key, group in groupby(order, key=lambda at: limits[at]):
            places = list(group)
            prompts = [requests[at].args[0] for at in places]
            tokens = encode(self._player, prompts, special=self._special)
            written = replies(self._player, tokens, limits[places[0]])
            for at, reply in zip(places, written, strict=True):
                texts[at] = reply.text
                self.written[requests[at].doc_id].append(reply)
        return texts

    def _limits(self, said: dict[str, Any]) -> Limits:
        if said.get("do_sample") and said.get("temperature", 1.0) > 0:
            raise failed("this task of the harness draws replies at random; replies are greedy")
        until = said.get("until") or []
        stop = tuple([until] if isinstance(until, str) else until)
        most = min(int(said.get("max_gen_toks") or self._most), self._most)
        return Limits(most, stop, self._rows)
