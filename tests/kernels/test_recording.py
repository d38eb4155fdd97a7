import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.telemarketing_dialer import recording

KEY, OTHER = bytes(range(32)), bytes(32)
BIG = bytes(range(256)) * 600


def sealed(plain, key=KEY):
    return b"".join(recording.seal([plain], len(plain), key))


def opened(data, keys=(OTHER, KEY)):
    return recording.Sealed(io.BytesIO(data), keys)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_each_side_is_heard_in_its_own_channel_to_its_end(person, ours):
    sizes = len(person), len(ours)
    wav = b"".join(recording.stereo(io.BytesIO(person), io.BytesIO(ours), sizes))
    frames = max(sizes)
    assert len(wav) == recording.HEADER + 2 * frames
    assert struct.unpack_from("<I", wav, 4)[0] == len(wav) - 8
    assert struct.unpack_from("<HHIIHH", wav, 20) == (6, 2, 8000, 16000, 2, 8)
    assert wav[38:42] == b"fact" and struct.unpack_from("<I", wav, 46)[0] == frames
    assert wav[50:54] == b"data" and struct.unpack_from("<I", wav, 54)[0] == 2 * frames
    sound = wav[recording.HEADER :]
    assert sound[::2] == person.ljust(frames, b"\xd5")
    assert sound[1::2] == ours.ljust(frames, b"\xd5")


def test_sides_stay_in_step_over_many_blocks():
    wav = b"".join(
        recording.stereo(
            io.BytesIO(BIG), io.BytesIO(BIG[:-9]), (len(BIG), len(BIG) - 9)
        )
    )
    assert wav[recording.HEADER :: 2] == BIG


def test_file_that_shrinks_is_not_taken_for_whole():
    with pytest.raises(ValueError):
        list(recording.stereo(io.BytesIO(b"a"), io.BytesIO(b""), (2, 0)))


@given(st.integers(0, len(BIG)), st.integers(0, len(BIG) + 9))
def test_any_part_of_an_encrypted_recording_can_be_sought(start, stop):
    assert b"".join(opened(SEALED).read(start, stop)) == BIG[start:stop]


SEALED = sealed(BIG)


def test_encrypted_recording_tells_nothing_of_its_sound():
    assert BIG[:32] not in SEALED and sealed(BIG) != SEALED


@given(st.integers(0, len(SEALED) - 1))
def test_altered_byte_is_noticed(place):
    data = bytearray(SEALED)
    data[place] ^= 1
    with pytest.raises(recording.Damaged):
        list(opened(bytes(data)).read(0, len(BIG)))


@given(st.integers(0, len(SEALED) - 1))
def test_cut_recording_is_noticed(length):
    with pytest.raises(recording.Damaged):
        opened(SEALED[:length])


def test_recording_without_its_key_is_not_opened():
    with pytest.raises(recording.Damaged):
        opened(SEALED, [OTHER])


def test_empty_recording_is_a_recording():
    assert b"".join(opened(sealed(b"")).read(0, 9)) == b""


def test_store_has_a_file_whole_or_not_at_all_and_none_outside(tmp_path):
    folder = recording.Folder(tmp_path / "store")
    assert not folder.fault()
    key = "1/2026/11/aaaa-1.wav"
    folder.write(key, [b"RI", b"FF"])

    def broken():
        yield b"x"
        raise OSError("disk")

    with pytest.raises(OSError):
        folder.write(key, broken())
    with folder.open(key) as file:
        assert file.read() == b"RIFF"
    assert [path.name for path in folder.path(key).parent.iterdir()] == ["aaaa-1.wav"]
    for bad in ("../x.wav", "/etc/x.wav", "1/2026/11/../x.wav", key + "\n", "", None):
        with pytest.raises(ValueError):
            folder.remove(bad)
    folder.remove(key)
    folder.remove(key)
    (tmp_path / "file").touch()
    assert recording.Folder(tmp_path / "file" / "store").fault()


def test_spool_tells_what_grows_from_what_is_done(tmp_path):
    now = [0.0]
    spool = recording.Spool(lambda: now[0])
    one, other = tmp_path / "a-in.alaw", tmp_path / "a-out.alaw"
    one.write_bytes(b"1")
    (tmp_path / "b-in.alaw").symlink_to(one)
    spool.look(tmp_path)
    now[0] = 5.0
    other.write_bytes(b"2")
    found, foreign = spool.look(tmp_path)
    assert {side: s.still for side, s in found["a"].items()} == {"in": 5.0, "out": 0.0}
    assert list(found) == ["a"] and not foreign
    one.write_bytes(b"more")
    found["a"]["in"].remove()
    found["a"]["out"].remove()
    assert one.exists() and not other.exists()
    assert spool.due("x", 60) and not spool.due("x", 60)
    now[0] = 70.0
    assert spool.due("x", 60)


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33])
def test_key_file_that_holds_no_key_is_refused(tmp_path, text):
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(ValueError):
        recording.read_keys(file)
    file.write_text(f"{OTHER.hex()}\n\n{KEY.hex()}\n")
    assert recording.read_keys(file) == [OTHER, KEY]
