"""On what a fit runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from wlmsim import _validation as check
from wlmsim.learn.options.constraints import Constraint, Flag, Integer, Word
from wlmsim.learn.options.part import Part


@dataclass(frozen=True, repr=False, kw_only=True)
class Runtime(Part):
    """Where a fit computes, how precisely, and in how many processes.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"} or str
        Where to train. Default "auto": CUDA where there is a GPU; a line above the progress bars says which it was.
    precision : {"float32", "tf32", "bfloat16"}
        Of the networks in training: single; single, with products of matrices rounded to TF32 on a GPU that has it; or
        bfloat16, three digits, in which forces are off by about a hundredth. Positions, the loss and what is learned
        stay single. Default "float32".
    compile : bool
        Whether torch compiles the forces of external and mean-field potentials, which takes a while at the first step;
        it needs a C++ compiler, on a GPU Triton. Other terms are differentiated twice, or have a number of pairs that
        changes; they run as they are. Default False.
    processes : int, optional
        How many members are trained at the same time, each in a process of its own on one thread. On the CPU the result
        is the same to the bit, up to 2000 rows a step. Default: as many as there are cores, where that saves more time
        than the start of processes takes; 1 on CUDA and for larger steps, which use the cores otherwise.

    Raises
    ------
    ParameterError
        If an option is not as described, or when a fit begins and the device is not there.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(runtime="cpu")
    WLM(runtime='cpu')
    """

    device: str = "auto"
    precision: str = "float32"
    compile: bool = False
    processes: int | None = None

    constraints: ClassVar[dict[str, Constraint]] = {
        "device": Word(("auto", "cpu", "cuda"), open=True),
        "precision": Word(("float32", "tf32", "bfloat16")),
        "compile": Flag(),
        "processes": Integer(optional=True),
    }

    def torch_device(self) -> Any:
        """The device as torch knows it."""
        import torch

        from wlmsim.learn.group import Group, device_of_this_process

        if self.device in ("auto", "cuda") and torch.cuda.is_available() and Group.current().size > 1:
            return device_of_this_process()
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            device = torch.device(self.device)
        except RuntimeError:
            raise check.fail("Runtime.device", "'auto', 'cpu' or 'cuda'", self.device) from None
        if device.type == "cuda" and not torch.cuda.is_available():
            raise check.fail("Runtime.device", "'cpu' or 'auto' where there is no CUDA device", self.device)
        return device

    def about(self) -> str:
        """What was taken where nobody chose the device."""
        import torch

        if self.device != "auto":
            return ""
        if self.torch_device().type == "cuda":
            return f"training on the GPU, {torch.cuda.get_device_name()}"
        return "training on the CPU: torch finds no CUDA device"
