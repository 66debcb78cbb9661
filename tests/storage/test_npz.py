import contextlib
import io
import zipfile

import numpy as np
import pytest

from pawsight.errors import RunError
from pawsight.storage.npz import opened_npz, save_npz


def test_arrays_come_back_by_their_names(tmp_path):
    save_npz(tmp_path / "kept.npz", ones=np.ones(3), two=np.array([2], np.int32))
    with opened_npz(tmp_path / "kept.npz") as found:
        assert found["ones"].tolist() == [1, 1, 1]
        assert found["two"].dtype == np.int32
    assert [path.name for path in tmp_path.iterdir()] == ["kept.npz"]


def test_what_the_block_refuses_is_damage_of_the_file(tmp_path):
    save_npz(tmp_path / "kept.npz", ones=np.ones(3))
    with (
        pytest.raises(RunError, match=r"kept\.npz cannot be read, or it is damaged \(too few\)"),
        opened_npz(tmp_path / "kept.npz"),
    ):
        raise ValueError("too few")


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more", b"no archive"])
def test_a_missing_or_damaged_file_is_reported(content, tmp_path):
    path = tmp_path / "kept.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError, match="Train again") as raised, opened_npz(path):
        pass
    assert "pickle" not in str(raised.value)


def _with_header(array: np.ndarray, header: bytes) -> bytes:
    """An npz of one array, "ones", with a header of NumPy's format 1.0 in place of its own."""
    header = header.ljust(117) + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + array.tobytes()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("ones.npy", member)
    return content.getvalue()


@pytest.mark.parametrize(
    ("header", "is_damaged"),
    [
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", False),
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (3L,), }", False),  # of Python 2
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (3in(3,)), }", True),
        (b"{'descr': '<f8' 'fortran_order': False, 'shape': (3,), }", True),
        (b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }" % 10**30, True),
        (b"0_", True),
    ],
)
@pytest.mark.filterwarnings("error")
def test_an_odd_header_is_read_or_is_damage_and_nothing_is_printed(
    header, is_damaged, tmp_path, capfd
):
    path = tmp_path / "kept.npz"
    path.write_bytes(_with_header(np.ones(3), header))
    with pytest.raises(RunError) if is_damaged else contextlib.nullcontext(), opened_npz(path) as f:
        assert f["ones"].tolist() == [1, 1, 1]
    assert capfd.readouterr() == ("", "")


def test_a_number_that_another_type_cannot_hold_is_no_warning(tmp_path, recwarn):
    save_npz(tmp_path / "kept.npz", ones=np.array([np.nan, 1e300]))
    with opened_npz(tmp_path / "kept.npz") as found:
        found["ones"].astype(np.float16)
        found["ones"].astype(np.int8)
    assert not recwarn.list
