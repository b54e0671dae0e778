"""Picture files of every kind: the pixels a viewer shows, or one line that names the file.

The right pixels are computed from the definition of each format, not by Pillow.
"""

import io

import numpy as np
import pytest
from PIL import Image

from reproduce.data import pictures

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (4, 6), np.uint8)
COLOUR = RNG.integers(0, 256, (4, 6, 3), np.uint8)
ALPHA = RNG.integers(0, 256, (4, 6), np.uint8)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def on_white(pixels, alpha):
    alpha = alpha[..., None] if pixels.ndim == 3 else alpha
    return np.rint(pixels * (alpha / 255) + 255 * (1 - alpha / 255))


def oriented(number, kind, array=GREY, **options):
    exif = Image.Exif()
    exif[0x0112] = number
    options |= {"quality": 100} if kind == "JPEG" else {}
    return saved(Image.fromarray(array), kind, exif=exif, **options)


SMOOTH = np.add.outer(40 * np.arange(4), 10 * np.arange(6)).astype(np.uint8)  # survives JPEG
UPRIGHT = {
    1: SMOOTH, 2: SMOOTH[:, ::-1], 3: SMOOTH[::-1, ::-1], 4: SMOOTH[::-1], 5: SMOOTH.T,
    6: SMOOTH[::-1].T, 7: SMOOTH[::-1, ::-1].T, 8: SMOOTH[:, ::-1].T,
}  # fmt: skip


def sixteen(order="<u2"):
    return Image.fromarray(GREY.astype(order) * np.array(257, order))


def palette(colours, alpha=None):
    image = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6) % len(colours), "P")
    image.putpalette(np.asarray(colours, np.uint8).ravel().tolist())
    return saved(image, "PNG", **({} if alpha is None else {"transparency": bytes(alpha)}))


def frames(kind, **options):
    first, second = Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)
    return saved(first, kind, save_all=True, append_images=[second], **options)


def pgm(largest, values):
    kind = ">u2" if largest > 255 else np.uint8
    return f"P5 6 4 {largest}\n".encode() + values.astype(kind).tobytes()


SIX = np.arange(24).reshape(4, 6) % 6
SHADES = [[40 * i, 255 - 40 * i, 7] for i in range(6)]
GREYS = [[40 * i] * 3 for i in range(6)]
RGBA = np.dstack([COLOUR, ALPHA])

# name -> the file's content, the right pixels; (4, 6) has no colour
RIGHT = {
    "grey": (saved(Image.fromarray(GREY), "PNG"), GREY),
    "colour": (saved(Image.fromarray(COLOUR), "PNG"), COLOUR),
    "black and white": (saved(Image.fromarray(GREY > 127), "PNG"), 255 * (GREY > 127)),
    "black and white, TIFF": (saved(Image.fromarray(GREY > 127), "TIFF"), 255 * (GREY > 127)),
    "16 bits": (saved(sixteen(), "PNG"), GREY),
    "16 bits, TIFF": (saved(sixteen(), "TIFF"), GREY),
    "16 bits, big-endian": (saved(sixteen(">u2"), "TIFF"), GREY),
    "16 bits, all dark": (
        saved(Image.fromarray(np.full((4, 6), 300, np.uint16)), "PNG"),
        0 * GREY + 1,
    ),
    "16 bits, white is zero": (saved(sixteen(), "TIFF", tiffinfo={262: 0}), 255 - GREY.astype(int)),
    "PGM, 16 bits": (pgm(65535, GREY.astype(int) * 257), GREY),
    "PGM to 1000": (pgm(1000, GREY.astype(int) * 1000 // 255), GREY),
    "PGM to 15": (pgm(15, GREY // 17), GREY // 17 * 17),
    "PBM": (b"P1 6 4\n" + b"1 0 1 0 1 0 " * 4, np.tile([0, 255] * 3, (4, 1))),
    "floats": (saved(Image.fromarray(GREY / np.float32(255)), "TIFF"), GREY),
    "palette": (palette(SHADES), np.array(SHADES)[SIX]),
    "palette of greys": (palette(GREYS), np.array(GREYS)[SIX][..., 0]),
    "palette with transparency": (
        palette(SHADES, [0, 255, 128, 255, 64, 255]),
        on_white(np.array(SHADES)[SIX], np.array([0, 255, 128, 255, 64, 255])[SIX]),
    ),
    "GIF": (saved(Image.fromarray(GREY), "GIF"), GREY),
    "alpha": (saved(Image.fromarray(RGBA), "PNG"), on_white(COLOUR, ALPHA)),
    "alpha, WebP": (
        saved(Image.fromarray(RGBA), "WEBP", lossless=True, exact=True),
        on_white(COLOUR, ALPHA),
    ),
    "alpha, TIFF": (saved(Image.fromarray(RGBA), "TIFF"), on_white(COLOUR, ALPHA)),
    "wholly transparent": (
        saved(Image.fromarray(np.dstack([COLOUR, 0 * ALPHA])), "PNG"),
        np.full((4, 6, 3), 255),
    ),
    "grey with alpha": (
        saved(Image.fromarray(np.dstack([GREY, ALPHA]), "LA"), "PNG"),
        on_white(GREY, ALPHA),
    ),
    "a transparent grey": (
        saved(Image.fromarray(GREY // 64), "PNG", transparency=2),
        np.where(GREY // 64 == 2, 255, GREY // 64),
    ),
    "a transparent colour": (
        saved(Image.fromarray(COLOUR // 255 * 255), "PNG", transparency=(0, 0, 0)),
        np.where((COLOUR < 255).all(-1, keepdims=True), 255, COLOUR // 255 * 255),
    ),
    "a transparent grey of 16 bits": (
        saved(
            Image.fromarray(np.where(GREY > 127, 65535, 257 * 9).astype(np.uint16)),
            "PNG",
            transparency=257 * 9,
        ),
        np.full((4, 6), 255),
    ),
    "CMYK": (
        saved(Image.fromarray(RGBA, "CMYK"), "TIFF"),
        np.rint((255 - COLOUR.astype(float)) * (255 - ALPHA[..., None].astype(float)) / 255),
    ),
    "BMP": (saved(Image.fromarray(COLOUR), "BMP"), COLOUR),
    "TGA": (saved(Image.fromarray(COLOUR), "TGA"), COLOUR),
    "PCX": (saved(Image.fromarray(COLOUR), "PCX"), COLOUR),
    "JPEG 2000": (saved(Image.fromarray(COLOUR), "JPEG2000"), COLOUR),
    "WebP": (saved(Image.fromarray(COLOUR), "WEBP", lossless=True), COLOUR),
    "QOI": (saved(Image.fromarray(COLOUR), "QOI"), COLOUR),
    "two frames, GIF": (
        saved(
            Image.fromarray(GREY), "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)]
        ),
        GREY,
    ),
    "two frames, PNG": (frames("PNG"), COLOUR),
    "two pages, TIFF": (frames("TIFF"), COLOUR),
    "two frames, WebP": (frames("WEBP", lossless=True), COLOUR),
    "a phone's preview": (frames("MPO", quality=100, subsampling=0), None),
    "one pixel": (saved(Image.fromarray(GREY[:1, :1]), "PNG"), GREY[:1, :1]),
    "an unknown orientation": (oriented(9, "PNG"), GREY),
    "orientation zero": (oriented(0, "PNG"), GREY),
    **{f"orientation {n}": (oriented(n, "JPEG", SMOOTH), UPRIGHT[n]) for n in UPRIGHT},
    **{f"orientation {n}, PNG": (oriented(n, "PNG", SMOOTH), UPRIGHT[n]) for n in (3, 6)},
    "orientation 6, TIFF": (oriented(6, "TIFF", SMOOTH), UPRIGHT[6]),
    "orientation 8, WebP": (
        oriented(8, "WEBP", np.dstack([SMOOTH] * 3), lossless=True),
        np.dstack([UPRIGHT[8]] * 3),
    ),
    "LAB white": (
        saved(Image.fromarray(np.tile(np.uint8([255, 0, 0]), (4, 6, 1)), "LAB"), "TIFF"),
        np.full((4, 6, 3), 255),
    ),
    "orientation 6, TIFF of 16 bits": (
        oriented(6, "TIFF", SMOOTH.astype(np.uint16) * 257),
        UPRIGHT[6],
    ),
    "orientation 5, PNG of 16 bits": (
        oriented(5, "PNG", SMOOTH.astype(np.uint16) * 257),
        UPRIGHT[5],
    ),
    "orientation 6, packed TIFF": (
        oriented(6, "TIFF", SMOOTH, compression="tiff_lzw"),
        UPRIGHT[6],
    ),
    "orientation 7 with transparency": (
        oriented(7, "PNG", np.dstack([SMOOTH] * 3 + [0 * SMOOTH + 255])),
        np.dstack([UPRIGHT[7]] * 3),
    ),
    "CMYK, JPEG": (
        saved(Image.new("CMYK", (6, 4), (0, 255, 255, 0)), "JPEG", quality=100),
        np.tile([255, 0, 0], (4, 6, 1)),
    ),
    "icon": (saved(Image.fromarray(np.dstack([COLOUR, 0 * ALPHA + 255])), "ICO"), COLOUR),
    "GIF with transparency": (
        saved(Image.fromarray(GREY // 255 * 255), "GIF", transparency=0),
        np.full((4, 6), 255),
    ),
    "damaged EXIF": (
        saved(Image.fromarray(SMOOTH), "JPEG", quality=100, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
        SMOOTH,
    ),
}

LARGE = saved(Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8)), "PNG")
# name -> the file's content, what the line says
WRONG = {
    "empty": (b"", "is empty"),
    "text": (b"nothing of the kind", "of no kind that is read"),
    "HTML": (b"<!DOCTYPE html><html>404</html>", "of no kind that is read"),
    "zeros": (bytes(1000), "cannot be read"),
    "EPS, which runs Ghostscript": (
        saved(Image.fromarray(COLOUR), "EPS"),
        "of no kind that is read",
    ),
    "PDF": (saved(Image.fromarray(COLOUR), "PDF"), "of no kind that is read"),
    "32 bits": (saved(Image.fromarray(GREY.astype(np.int32) * 9999999), "TIFF"), "32 bits"),
    "floats to 255": (
        saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"),
        r"\[0, 1\] is expected",
    ),
    "floats below 0": (
        saved(Image.fromarray(GREY / np.float32(-255)), "TIFF"),
        r"\[0, 1\] is expected",
    ),
    "NaN": (
        saved(Image.fromarray(np.full((4, 6), np.nan, np.float32)), "TIFF"),
        "numbers from nan",
    ),
    "damaged PNG": (LARGE[:200] + bytes(50) + LARGE[250:], "cannot be read as a picture"),
    **{f"cut PNG, {n}": (LARGE[:n], "cannot be read as a picture") for n in (9, 30, 60, 5000)},
    **{
        f"cut {kind}": (
            saved(Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8)), kind)[:700],
            "cannot be read as a picture",
        )
        for kind in ("JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "TGA")
    },
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_picture_is_what_a_viewer_shows(name, tmp_path):
    content, right = RIGHT[name]
    file = tmp_path / "a.png"  # whatever its suffix says
    file.write_bytes(content)
    found = np.asarray(pictures.read(file).pixels).astype(int)
    if right is not None:
        assert found.shape == right.shape
        np.testing.assert_allclose(found, right, atol=3 if content[:2] == b"\xff\xd8" else 1)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_picture_is_refused_by_name(name, tmp_path, refused):
    content, line = WRONG[name]
    (tmp_path / "a.png").write_bytes(content)
    refused(rf"a\.png .*{line}|a\.png {line}", lambda: pictures.read(tmp_path / "a.png"))


@pytest.mark.parametrize(
    ("side", "line"), [(12_000, "at most 89,478,485"), (40_000, "decompression bomb|at most")]
)
def test_a_small_file_of_a_huge_picture_is_refused_before_it_is_unpacked(
    side, line, tmp_path, png, refused
):
    (tmp_path / "a.png").write_bytes(png(side, side, 1, 0, [bytes(side // 8)] * 10))
    refused(rf"a\.png .*({line})", lambda: pictures.read(tmp_path / "a.png"))


def test_a_bomb_of_text_beside_the_pixels_is_refused(tmp_path, png, refused):
    import zlib

    text = b"Comment\0\0" + zlib.compress(bytes(80_000_000), 9)
    content = png(6, 4, 8, 0, [row.tobytes() for row in GREY], [(b"zTXt", text)])
    (tmp_path / "a.png").write_bytes(content)
    assert len(content) < 100_000
    refused(r"a\.png cannot be read", lambda: pictures.read(tmp_path / "a.png"))


def test_frames_are_counted_but_a_phones_preview_is_none(tmp_path):
    for name, count in (("two frames, GIF", 2), ("two pages, TIFF", 2), ("a phone's preview", 1)):
        (tmp_path / "a").write_bytes(RIGHT[name][0])
        assert pictures.read(tmp_path / "a").frames == count


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_of_grey(depth, tmp_path, png):
    """White is the largest number, 2^depth - 1."""
    values = np.arange(32).reshape(4, 8) % 2**depth
    bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., -depth:]
    rows = [np.packbits(row).tobytes() for row in bits.reshape(4, -1)]
    (tmp_path / "a.png").write_bytes(png(8, 4, depth, 0, rows))
    right = np.rint(255 * values / (2**depth - 1))
    np.testing.assert_array_equal(pictures.read(tmp_path / "a.png").pixels, right)


@pytest.mark.parametrize(("kind", "channels"), [(4, 2), (6, 4)])
def test_sixteen_bits_with_alpha(kind, channels, tmp_path, png):
    values = RNG.integers(0, 256, (4, 6, channels))
    rows = [(257 * row).astype(">u2").tobytes() for row in values.reshape(4, -1)]
    (tmp_path / "a.png").write_bytes(png(6, 4, 16, kind, rows))
    pixels = values[..., 0] if channels == 2 else values[..., :3]
    found = np.asarray(pictures.read(tmp_path / "a.png").pixels.convert("RGB")).astype(float)
    pixels = np.dstack([pixels] * 3) if channels == 2 else pixels
    np.testing.assert_allclose(found, on_white(pixels, values[..., -1]), atol=1)


def test_sixteen_bits_of_colour(tmp_path, png):
    """Pillow keeps the upper eight."""
    rows = [row.astype(">u2").tobytes() for row in COLOUR.reshape(4, 18).astype(int) * 257]
    (tmp_path / "a.png").write_bytes(png(6, 4, 16, 2, rows))
    np.testing.assert_array_equal(pictures.read(tmp_path / "a.png").pixels, COLOUR)


def test_a_folder_and_a_missing_file_are_refused(tmp_path, refused):
    refused("cannot be read as a picture", lambda: pictures.read(tmp_path))
    refused("cannot be read as a picture", lambda: pictures.read(tmp_path / "a.png"))
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    refused("cannot be read as a picture", lambda: pictures.read(tmp_path / "link.png"))
