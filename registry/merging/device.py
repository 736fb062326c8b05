"""Devices: whether the one that was asked for is there."""

import re

from evoreg.provenance.records.errors import Code, UsageError

_FORM = re.compile(r"cpu|cuda(?::(?P<number>[0-9]{1,3}))?")


def check_device(name: str) -> str:
    """Check that numbers can be computed on a device; loads torch unless it is the processor.

    Args:
        name: ``cpu``, ``cuda`` or ``cuda:N``.

    Returns:
        The name as torch takes it: ``cpu`` or ``cuda:N``.

    Raises:
        UsageError: There is no such device here.
    """
    form = _FORM.fullmatch(name)
    if form is None:
        hint = "devices: cpu, cuda, cuda:0, cuda:1, ..."
        raise UsageError(
            Code.USAGE, f"there is no device {name!r:.40}", where="--device", hint=hint
        )
    if name == "cpu":
        return name
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    number = int(form["number"] or 0)
    if number >= count:
        has = f"torch sees {count} CUDA device{'s' if count != 1 else ''} here"
        hint = "leave --device out to compute on the processor"
        if count:
            hint = f"devices: {', '.join(f'cuda:{place}' for place in range(count))}, cpu"
        raise UsageError(
            Code.USAGE, f"the device {name} is not there: {has}", where="--device", hint=hint
        )
    return f"cuda:{number}"
