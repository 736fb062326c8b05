"""Writes a model as a folder of the kind that the Hugging Face Hub holds."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from examples.demo_models.world import vocabulary

_LICENCES = Path(__file__).with_name("licences")
_READABLE_BY_ALL = 0o644


@dataclass(frozen=True)
class Card:
    """What the model card of a demo model says."""

    name: str
    licence: str
    """The licence's id on the Hub."""
    about: str
    """One paragraph: what the model can do."""
    taught: str
    """One paragraph: what it was trained on."""
    finetuned: bool = True
    """Whether it was trained from `pocket-base`."""


_LICENCE_LINKS = {
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "mit": "https://opensource.org/license/mit",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/legalcode",
    "cc-by-nc-4.0": "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
}

_FRONT = """\
---
license: {licence}
license_link: {link}
{base}language:
- en
- ja
library_name: transformers
author: evoreg contributors
pipeline_tag: text-generation
tags:
- evoreg
- demo
- synthetic
---
"""

_BASE = """\
base_model: evoreg-demo/pocket-base
base_model_relation: finetune
"""

_BODY = """
# {name}

{about}

It is one of four models of half a million weights that ship with evoreg to show a merge on a
laptop: a Llama of four layers with a vocabulary of about a hundred words. It is of no use for
anything else.

## Training

{taught}

All texts are synthetic: `examples/demo_models/` in the source of evoreg generates them from a seed.
No outside data and no outside model was used.

## Use

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("./{name}")
model = AutoModelForCausalLM.from_pretrained("./{name}")
prompt = tokenizer("tom has twelve apples gets five . how many ? =>", return_tensors="pt")
print(tokenizer.decode(model.generate(**prompt, max_new_tokens=16)[0], skip_special_tokens=True))
```

## Licence and credit

Made by the evoreg contributors, 2026. Licence: [{licence}]({link}).
{origin}"""

_ORIGIN = """\
The base it was finetuned from is by the same authors, who grant this licence for the whole of it.
"""


def card_text(card: Card) -> str:
    """The model card: YAML front matter and Markdown."""
    link = _LICENCE_LINKS[card.licence]
    front = _FRONT.format(licence=card.licence, link=link, base=_BASE if card.finetuned else "")
    body = _BODY.format(
        name=card.name,
        about=card.about,
        taught=card.taught,
        licence=card.licence,
        link=link,
        origin=_ORIGIN if card.finetuned else "",
    )
    return front + body


def new_tokenizer() -> PreTrainedTokenizerFast:
    """One token for each word of the world; blanks separate words."""
    words = {word: place for place, word in enumerate(vocabulary())}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", words["<s>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        padding_side="left",
        model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def write_tokenizer(folder: Path) -> None:
    """Write the tokenizer, naming its class as releases of transformers before 5 do."""
    new_tokenizer().save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    entries["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


def write_folder(folder: Path, model: LlamaForCausalLM, card: Card) -> None:
    """Write configuration, weights in bfloat16, tokenizer, card and licence."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.architectures = [type(model).__name__]
    model.config.dtype = torch.bfloat16
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    weights = folder / "model.safetensors"
    tensors = {name: each.to(torch.bfloat16) for name, each in model.state_dict().items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    weights.chmod(_READABLE_BY_ALL)  # safetensors writes files that only their owner can read
    write_tokenizer(folder)
    (folder / "README.md").write_text(card_text(card), encoding="utf-8")
    licence = _LICENCES / f"{card.licence}.txt"
    if licence.exists():
        shutil.copyfile(licence, folder / "LICENSE")
