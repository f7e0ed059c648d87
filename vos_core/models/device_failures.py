"""How an error says that a device's memory ran out, or that the device is lost to this process. torch's allocator has
a class for the first; the driver, cuBLAS, cuDNN and pinned memory only have words. Knows no torch: perhaps it is not
loaded.
"""

from __future__ import annotations

_WORDS = (
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    # Where a handle is made it takes memory of its own, and a full GPU is told by these words.
    "CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
)
# Mostly a full GPU too (no room for a handle, or for any algorithm's workspace), but a GPU, driver or number format
# that this cuDNN does not know is told in the same words: less work at once is worth a try, the reason is to be quoted.
_AMBIGUOUS = (
    "CUDNN_STATUS_NOT_INITIALIZED",
    "Unable to find a valid cuDNN algorithm",
    "unable to find an engine",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether less work at once may do without this error. The class is told by its name."""
    text = str(error)
    return type(error).__name__ == "OutOfMemoryError" or any(words in text for words in (*_WORDS, *_AMBIGUOUS))


def is_of_device(error: BaseException) -> bool:
    """Whether it is the device that refuses, and not a mistake in what it is asked: told by class and words."""
    text = str(error)
    told = ("CUDA", "cuDNN", "CUDNN", "CUBLAS", *_AMBIGUOUS)
    return type(error).__name__ == "AcceleratorError" or is_out_of_memory(error) or any(words in text for words in told)


def names_memory(reason: str) -> bool:
    """Whether the reason of an error is plainly memory, so that a sentence may say so for it."""
    return "out of memory" in reason or any(words in reason for words in _WORDS)


def reason_of(error: RuntimeError) -> str:
    """The first sentence of what torch says of it."""
    return str(error).partition("\n")[0].partition(". ")[0].rstrip(".")


def is_device_lost(error: BaseException | None) -> bool:
    """Whether an error left the process without its GPU: after an illegal access, a failed assertion on the device or
    a GPU that fell off the bus, CUDA refuses all that the process asks of it."""
    while error is not None:
        text = str(error)
        told = type(error).__name__ == "AcceleratorError" or (isinstance(error, RuntimeError) and "CUDA error" in text)
        if told and not is_out_of_memory(error):
            return True
        error = error.__cause__
    return False
