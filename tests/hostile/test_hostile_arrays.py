"""Arrays in .npz files: the right numbers, or one line that names the array."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from reproduce.data import folders

X = np.random.default_rng(0).integers(0, 256, (12, 4, 5), np.uint8)
Y = np.arange(12) % 3
UNIT = X / np.float32(255)
ONE_HOT = np.eye(3)[Y]


def parts(x=X, y=Y, x_test=X, y_test=Y):
    return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}


ABOVE, BELOW = UNIT.copy(), UNIT.copy()
ABOVE[0, 0, 0], BELOW[0, 0, 0] = np.nextafter(np.float32(1), np.float32(2)), -1e-8
# the arrays, options -> training images and labels, a part of the report
READ = {
    "rounded above 1": (parts(ABOVE), {}, (np.clip(ABOVE, 0, 1), Y), ""),
    "rounded below 0": (parts(BELOW), {}, (np.clip(BELOW, 0, 1), Y), ""),
    "long doubles": (parts((X / 255).astype(np.longdouble)), {}, (UNIT, Y), ""),
    "labels in half precision": (parts(y=Y.astype(np.float16)), {}, (UNIT, Y), "with a point"),
    "bytes to learn, numbers to test": (parts(x_test=UNIT), {}, (UNIT, Y), ""),
    "bytes": (parts(), {}, (UNIT, Y), ""),
    "numbers": (parts(UNIT, x_test=UNIT), {}, (UNIT, Y), ""),
    "doubles": (parts(X / 255, x_test=X / 255), {}, (UNIT, Y), ""),
    "half precision": (parts(np.float16(UNIT)), {}, (np.float32(np.float16(UNIT)), Y), ""),
    "big-endian": (parts(UNIT.astype(">f8")), {}, (UNIT, Y), ""),
    "bytes as integers": (parts(X.astype(np.int64)), {}, (UNIT, Y), ""),
    "bytes as 16 bits": (parts(X.astype(np.uint16)), {}, (UNIT, Y), ""),
    "true and false": (parts(X > 127), {}, (np.float32(X > 127), Y), ""),
    "integers 0 and 1": (parts((X > 127).astype(int)), {}, (np.float32(X > 127), Y), ""),
    "in Fortran's order": (parts(np.asfortranarray(X)), {}, (UNIT, Y), ""),
    "one channel": (parts(X[..., None], x_test=X[..., None]), {}, (UNIT, Y), "4 x 5 x 1"),
    "labels in a column": (parts(y=Y[:, None]), {}, (UNIT, Y), ""),
    "labels as bytes": (parts(y=Y.astype(np.uint8)), {}, (UNIT, Y), ""),
    "labels with a point": (parts(y=Y.astype(float)), {}, (UNIT, Y), "y_train are numbers with"),
    "one-hot": (parts(y=ONE_HOT), {}, (UNIT, Y), "y_train is one-hot"),
    "one-hot integers": (parts(y=ONE_HOT.astype(int)), {}, (UNIT, Y), "is one-hot"),
    "one-hot test": (parts(y_test=ONE_HOT), {}, (UNIT, Y), "y_test is one-hot"),
    "more arrays": (parts() | {"z": Y}, {}, (UNIT, Y), "skipped the arrays z"),
    "x and y beside them": (parts() | {"x": X, "y": Y}, {}, (UNIT, Y), "skipped the arrays x, y"),
    "two classes": (parts(y=Y > 0, y_test=Y > 0), {}, (UNIT, Y > 0), "of 2 classes"),
    "a test part without one class": (parts(y_test=Y % 2), {}, (UNIT, Y), "2 4+0"),
    "classes without images": (parts(y=Y + 1, y_test=Y), {"classes": 10}, (UNIT, Y + 1), "0 0+4"),
}
N = 12
# the arrays, options -> the line
REFUSED = {
    "nothing": ({}, {}, "holds nothing"),
    "other names": ({"images": X, "labels": Y}, {}, "holds images, labels"),
    "no test part": ({"x_train": X, "y_train": Y}, {}, "holds x_train, y_train"),
    "labels from 1": (parts(y=Y + 1, y_test=Y + 1), {}, "labels are 1, 2, 3.*Subtract 1"),
    "labels 3, 70, 900": (
        parts(*[a := X, b := np.array([3, 70, 900])[Y], a, b]),
        {},
        "labels are 3, 70, 900, so that 898",
    ),
    "a label of 10^9": (parts(y=Y * 500_000_000, y_test=Y), {}, "have no images|no training image"),
    "a label of 10^19": (parts(y=np.uint64(10**19) * np.uint64(Y > 0)), {}, "got 1e\\+19"),
    "a gap": (parts(y=2 * (Y > 0), y_test=2 * (Y > 0)), {}, "labels are 0, 2, so that 1 of 3"),
    "negative labels": (parts(y=Y - 1), {}, "got -1"),
    "halves": (parts(y=Y / 2), {}, "got 0.5"),
    "NaN labels": (parts(y=np.where(Y, Y, np.nan)), {}, "4 NaN or infinite"),
    "infinite labels": (parts(y=np.where(Y, Y, np.inf)), {}, "4 NaN or infinite"),
    "labels of text": (parts(y=np.array(["a", "b", "c"])[Y]), {}, "labels 0, 1, 2, ... expected"),
    "soft labels": (parts(y=ONE_HOT * 0.8 + 0.1), {}, "not one-hot"),
    "labels of two ones": (parts(y=np.ones((N, 3))), {}, "not one-hot"),
    "one-hot of other classes": (
        parts(y=ONE_HOT, y_test=np.eye(4)[Y]),
        {},
        "\\(12, 3\\) for training and \\(12, 4\\) for tests",
    ),
    "labels in a block": (parts(y=np.zeros((N, 2, 2))), {}, "shape \\(12, 2, 2\\)"),
    "a single label": (parts(y=np.array(3)), {}, "shape \\(\\)"),
    "one class": (parts(y=0 * Y, y_test=0 * Y), {}, "all labels are 0"),
    "a class of the test part alone": (parts(y_test=Y + 1), {}, "no training image has label 3"),
    "more classes than said": (parts(), {"classes": 2}, "label 2, and dataset.classes=2"),
    "classes of text": (parts(), {"classes": "many"}, "dataset.classes is a number"),
    "no class": (parts(), {"classes": 0}, "dataset.classes is a number"),
    "fewer labels": (parts(y=Y[:-1]), {}, "12 training images and 11 labels"),
    "fewer test labels": (parts(y_test=Y[:-1]), {}, "12 test images and 11 labels"),
    "fewer images": ({"x": X[1:], "y": Y}, {}, "11 images and 12 labels"),
    "other test images": (
        parts(x_test=X[:, 1:]),
        {},
        "\\(4, 5, 1\\) and test images of \\(3, 5, 1\\)",
    ),
    "test images with colour": (
        parts(x_test=np.stack([X] * 3, -1)),
        {},
        "test images of \\(4, 5, 3\\)",
    ),
    "no images": (parts(X[:0], Y[:0]), {}, "holds no images"),
    "no test images": (parts(x_test=X[:0], y_test=Y[:0]), {}, "x_test holds no images"),
    "images without pixels": (parts(X[:, :0]), {}, "got \\(12, 0, 5\\)"),
    "channels first": (parts(np.stack([X] * 3, 1)), {}, "got shape \\(12, 3, 4, 5\\).*moveaxis"),
    "one channel first": (parts(X[:, None]), {}, "got shape \\(12, 1, 4, 5\\).*moveaxis"),
    "twelve channels": (parts(np.zeros((N, 4, 5, 12), np.uint8)), {}, "1 or 3 channels"),
    "four channels": (parts(np.zeros((N, 4, 5, 4), np.uint8)), {}, "1 or 3 channels"),
    "images last": (parts(np.moveaxis(X, 0, -1)), {}, "4 training images and 12 labels"),
    "flat": (parts(np.zeros((N, 784), np.uint8)), {}, "reshape\\(-1, 28, 28\\)"),
    "a number": (parts(np.array(3.0)), {}, "got \\(\\)"),
    "five places": (parts(X[..., None, None]), {}, "got \\(12, 4, 5, 1, 1\\)"),
    "NaN": (parts(np.where(X > 250, np.nan, UNIT)), {}, f"{(X > 250).sum()} values that are NaN"),
    "infinite": (parts(np.where(X > 250, np.inf, UNIT)), {}, "NaN or infinite"),
    "numbers to 255": (parts(X.astype(np.float32)), {}, "\\[0, 255\\].*Divide by 255"),
    "from -1 to 1": (parts(2 * UNIT - 1), {}, "Add 1 and divide by 2"),
    "normalised": (parts((UNIT - 0.13) / 0.3), {}, "numbers in \\[0, 1\\], expected"),
    "16 bits": (parts(X.astype(np.uint16) * 257), {}, "Divide by what white is"),
    "signed bytes": (parts(X.astype(np.int8)), {}, "bytes, or numbers"),
    "divided twice": (parts(UNIT / 255), {}, "is nearly black"),
    "bytes 0 and 1": (parts((X > 127).astype(np.uint8)), {}, "is nearly black"),
    "four bits": (parts(X // 16), {}, "nearly black.*what white is, 15 perhaps"),
    "four bits to test": (parts(x_test=X // 16), {}, "x_test is nearly black"),
    "four bits with a point": (parts((X // 16).astype(float)), {}, "what white is, 15 perhaps"),
    "all black": (parts(0 * X), {}, "holds 0 in every pixel of 12 images"),
    "all white": (parts(0 * UNIT + 1), {}, "holds 1 in every pixel of 12 images"),
    "a thousandth above 1": (parts(UNIT * 1.001), {}, "\\[0, 1.00"),
    "labels as digits": (parts(y=Y.astype("S1")), {}, "Number the classes"),
    "two channels": (parts(np.stack([X] * 2, -1)), {}, "1 or 3 channels"),
    "complex": (parts(UNIT * 1j), {}, "complex"),
    "text": (parts(np.full(X.shape, "a")), {}, "numbers are expected"),
    "dates": (parts(X.astype("M8[s]")), {}, "numbers are expected"),
    "records": (parts(np.zeros((N, 4, 5), "u1,u1")), {}, "numbers are expected"),
    "share 0": ({"x": X, "y": Y}, {"test_share": 0}, "between 0 and 1"),
    "share 2": ({"x": X, "y": Y}, {"test_share": 2}, "between 0 and 1"),
    "too few": ({"x": X[:3], "y": Y[:3]}, {}, "too few"),
}


@pytest.mark.parametrize("name", READ)
def test_arrays_that_can_be_meant(name, tmp_path, capsys):
    arrays, options, (images, labels), report = READ[name]
    np.savez(tmp_path / "a.npz", **arrays)
    found = folders.npz(str(tmp_path / "a.npz"), **options)
    np.testing.assert_allclose(found.train.images[..., 0], images, atol=1e-7)
    np.testing.assert_array_equal(found.train.labels, labels)
    assert (found.train.images.dtype, found.train.labels.dtype) == (np.float32, np.int64)
    assert report in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize("name", REFUSED)
def test_arrays_that_cannot_be_meant(name, tmp_path, refused):
    arrays, options, line = REFUSED[name]
    np.savez(tmp_path / "a.npz", **arrays)
    refused(rf"a\.npz.*{line}|{line}", lambda: folders.npz(str(tmp_path / "a.npz"), **options))


def npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def zipped(members, kind=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def claims(shape):
    """An array whose head tells of more than its file holds."""
    before, after = (f"{each}, }}".encode().ljust(40) for each in (X.shape, shape))
    assert before in npy(X)
    return npy(X).replace(before, after)


class Harm:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


OBJECTS = npy(np.array([Harm()], object), allow_pickle=True)
WHOLE = zipped({f"{name}.npy": npy(array) for name, array in parts().items()})
REST = {f"{name}.npy": npy(array) for name, array in parts().items()}
FILES = {
    "empty": (b"", "not a zip file"),
    "text": (b"hello", "not a zip file"),
    "HTML": (b"<html>404</html>", "not a zip file"),
    "cut": (WHOLE[:-30], "cannot be read"),
    "cut early": (WHOLE[:40], "not a zip file"),
    "damaged": (WHOLE[:300] + bytes(40) + WHOLE[340:], "cannot be read"),
    "damaged head": (zipped(REST | {"x_train.npy": b"x" * 200}), "cannot be read"),
    "an empty array": (zipped(REST | {"x_train.npy": b""}), "cannot be read"),
    "a head of brackets": (
        zipped(REST | {"x_train.npy": b"\x93NUMPY\x01\x00\xf0\x1f" + (b"(" * 8000).ljust(0x1FF0)}),
        "cannot be read",
    ),
    "a head that is code": (
        zipped(REST | {"x_train.npy": npy(X).replace(b"(12, 4, 5)", b"exit(3)   ")}),
        "cannot be read",
    ),
    "a version of later": (
        zipped(REST | {"x_train.npy": npy(X).replace(b"NUMPY\x01", b"NUMPY\x09")}), "cannot be read"
    ),
    ".npy": (npy(X), "a single array, .npy"),
    "a pickle": (pickle.dumps([Harm()]), "not a zip file"),
    "objects": (zipped(REST | {"x_train.npy": OBJECTS}), "Python objects, which are not loaded"),
    "a pickle inside": (zipped(REST | {"x_train.npy": pickle.dumps(Harm())}), "cannot be read"),
    "more than the file holds": (
        zipped(REST | {"x_train.npy": claims((10**6, 400, 500))}), "is cut off, or its shape"
    ),
    "a negative shape": (zipped(REST | {"x_train.npy": claims((-12, 4, 5))}), "cut off|cannot be"),
    "outside": (zipped({f"../../{k}": v for k, v in REST.items()}), "holds ../../x_train"),
    "absolute": (zipped({f"/away/{k}": v for k, v in REST.items()}), "holds /away/x_train"),
    "another archive": (zipped({"word/document.xml": b"<xml/>"}), "holds nothing"),
    "a bomb": (
        zipped(REST | {"x_train.npy": npy(np.zeros((30, 1000, 1000), bool))}, zipfile.ZIP_DEFLATED),
        "30 training images and 12 labels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_archives_of_arrays(name, tmp_path, refused):
    content, line = FILES[name]
    (tmp_path / "a.npz").write_bytes(content)
    refused(rf"a\.npz.*({line})", lambda: folders.npz(str(tmp_path / "a.npz")))
    assert {file.name for file in tmp_path.iterdir()} == {"a.npz"}


def test_what_is_larger_than_the_memory_is_refused_before_it_is_read(
    tmp_path, refused, monkeypatch
):
    monkeypatch.setattr("os.sysconf", lambda name: 1000 if "PHYS" in name else 1)
    np.savez(tmp_path / "a.npz", **parts(np.zeros((12, 400, 500), np.uint8)))
    refused("take 0 GB of 0 GB of memory", lambda: folders.npz(str(tmp_path / "a.npz")))
