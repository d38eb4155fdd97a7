"""Two A-law streams become one stereo WAV: the person left, our side right."""

import struct

RATE = 8000
SILENCE = b"\xd5"
HEADER = 58
_BLOCK = 1 << 16


def header(frames):
    """Bytes before the sound of a stereo A-law WAV (format tag 6, fact chunk).

    :param int frames: samples of each side
    """
    data = 2 * frames
    if data + HEADER > 0xFFFFFFFF:
        raise ValueError("A WAV holds at most 4 GiB")
    return struct.pack(
        "<4sI4s4sIHHIIHHH4sII4sI",
        *(b"RIFF", HEADER - 8 + data, b"WAVE"),
        *(b"fmt ", 18, 6, 2, RATE, 2 * RATE, 2, 8, 0),
        *(b"fact", 4, frames),
        *(b"data", data),
    )


def stereo(person, ours, sizes):
    """Yield the WAV in pieces; the shorter side is silent at its end.

    :param person: binary file, 8 kHz A-law
    :param ours: binary file, as long in time or nearly
    :param sizes: (bytes of ``person``, bytes of ``ours``)
    :raises ValueError: a file is shorter than said
    """
    frames = max(sizes)
    yield header(frames)
    done = 0
    while done < frames:
        count = min(_BLOCK, frames - done)
        block = bytearray(2 * count)
        for side, (file, size) in enumerate(zip((person, ours), sizes, strict=True)):
            want = max(0, min(count, size - done))
            sound = file.read(want)
            if len(sound) != want:
                raise ValueError("Recording shorter than its size")
            block[side::2] = sound + SILENCE * (count - want)
        done += count
        yield bytes(block)
