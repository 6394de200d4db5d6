"""The main job in a real browser: data, Train, live curve, report, try, download, and the file works elsewhere."""

import io
import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from datasets._made_tickets import QUEUES
from recipes import Recipe
from tests.browser.conftest import PATIENCE
from training.executor import Executor
from ui.identity import owner_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

ASK = """
import json, sys
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
told = []
for question in json.load(open("raw.json")):
    raw = {name: np.array(cells, "float32" if kind == "number" else None) for name, (kind, cells) in question.items()}
    told.append({name: np.asarray(answer).tolist() for name, answer in model.predict_on_batch(raw).items()})
print(json.dumps(told))
"""
PENGUIN = {
    "island": ("text", [["Biscoe"], [""]]),
    "bill_length_mm": ("number", [[50.0], [None]]),
    "bill_depth_mm": ("number", [[15.0], [18.5]]),
    "flipper_length_mm": ("number", [[220.0], [188.0]]),
    "body_mass_g": ("number", [[5_400.0], [3_600.0]]),
    "sex": ("text", [["MALE"], ["FEMALE"]]),
}


def open_page(visitor, path):
    page = visitor.new_page()
    page.goto(path)
    return page


def upload(page, file):
    page.get_by_role("radio", name="Upload").click()
    page.locator("[class*=st-key-build_upload_] input[type=file]").set_input_files(file)


def train(page):
    """Press Train as soon as the page offers it; returns on the run's own page."""
    button = page.locator(".st-key-build_train button")
    expect(button).to_be_enabled(timeout=PATIENCE)
    button.click()
    page.wait_for_url(re.compile(r"/run\?run=\w+"), timeout=PATIENCE)


def wait_until_finished(page):
    expect(page.get_by_role("tab", name="Take it away")).to_be_visible(timeout=2 * PATIENCE)


def open_tab(page, name):
    page.get_by_role("tab", name=name).click()


def chart(page):
    return page.get_by_test_id("stVegaLiteChart").first


def class_bars(page):
    return (
        page.get_by_role("img", name="then the other classes")
        .or_(page.get_by_role("button", name=re.compile("Show data: .* then the other classes")))
        .first
    )


def download(page, folder, name="model"):
    """Take the model away; its button stands there only after the check."""
    open_tab(page, "Take it away")
    expect(page.get_by_text(re.compile(r"same answers on \d+ rows")).first).to_be_visible(timeout=PATIENCE)
    with page.expect_download() as waiting:
        page.locator(f".st-key-download_{name} button").click()
    assert waiting.value.suggested_filename == f"{name}.keras"
    waiting.value.save_as(folder / f"{name}.keras")


def ask_elsewhere(folder, raw, name="model"):
    """Ask the downloaded file in a clean process, in a folder that holds nothing else."""
    (answer,) = ask_all_elsewhere(folder, [raw], name)
    return answer


def ask_all_elsewhere(folder, questions, name="model"):
    """Ask one process several questions, one after the other."""
    (folder / "raw.json").write_text(json.dumps(questions), encoding="utf-8")
    (folder / "ask.py").write_text(ASK, encoding="utf-8")
    command = [sys.executable, "-I", "ask.py", f"{name}.keras"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def no_trace(page):
    expect(page.get_by_test_id("stException")).to_have_count(0)


def picture_zip(folder):
    """Dark and light pictures of mixed sizes and formats, as people have them."""
    random = np.random.default_rng(2)
    with zipfile.ZipFile(folder / "brightness.zip", "w") as archive:
        for number in range(48):
            light = number % 2
            size = ((40, 40), (90, 60), (33, 71))[number % 3]
            kind = ("PNG", "JPEG", "BMP")[number // 2 % 3]
            pixels = random.integers(0, 110, (*size[::-1], 3)) + 130 * light
            packed = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(packed, kind)
            archive.writestr(f"{'light' if light else 'dark'}/{number}.{kind.lower()}", packed.getvalue())
    return folder / "brightness.zip"


def test_a_deep_link_may_be_the_first_request(visitor):
    page = open_page(visitor, "/runs")
    expect(page.get_by_role("heading", name="Runs").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("link", name="Build").first).to_be_visible()
    no_trace(page)


def test_a_table_from_sample_to_a_file_that_answers_elsewhere(visitor, tmp_path):
    page = open_page(visitor, "/")
    page.get_by_role("radio", name="Tables").click()
    page.locator(".st-key-open_penguins button").click()
    train(page)
    page.reload()
    wait_until_finished(page)
    expect(chart(page)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text(re.compile(r"Right on \d+ of 69 examples")).first).to_be_visible(timeout=PATIENCE)

    open_tab(page, "Look closer")
    expect(page.get_by_text(re.compile("the sealed test part")).first).to_be_visible(timeout=PATIENCE)
    open_tab(page, "Try")
    page.locator(".st-key-fill button").click()
    expect(class_bars(page)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text(re.compile("of the test part: it was")).first).to_be_visible(timeout=PATIENCE)
    no_trace(page)

    download(page, tmp_path)
    answer = np.array(ask_elsewhere(tmp_path, PENGUIN)["species"])
    assert answer.shape == (2, 3)
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
    assert answer[0].argmax() == 2, "long flippers and a heavy body: a Gentoo"


def test_a_zip_of_pictures_of_mixed_sizes_trains_without_a_manual_fix(visitor, tmp_path):
    page = open_page(visitor, "/build")
    upload(page, picture_zip(tmp_path))
    train(page)
    wait_until_finished(page)
    open_tab(page, "Try")
    expect(class_bars(page)).to_be_visible(timeout=PATIENCE)
    no_trace(page)

    download(page, tmp_path)
    pictures = (np.full((1, 25, 60, 3), 20), np.full((1, 80, 80, 3), 220))
    questions = [{"picture": ("number", picture.tolist())} for picture in pictures]
    for place, told in enumerate(ask_all_elsewhere(tmp_path, questions)):
        (answer,) = told.values()
        assert np.shape(answer) == (1, 2)
        assert np.argmax(answer) == place, "dark, then light"


def test_texts_are_judged_while_it_learns_and_the_file_takes_plain_strings(visitor, tmp_path):
    page = open_page(visitor, "/")
    page.get_by_role("radio", name="Language").click()
    page.locator(".st-key-open_tickets button").click()
    train(page)
    wait_until_finished(page)
    expect(page.get_by_text(re.compile(r"Right on \d+ of 600 examples")).first).to_be_visible(timeout=PATIENCE)
    open_tab(page, "Try")
    page.get_by_role("textbox", name="text").fill("I was charged twice, please refund my invoice.")
    page.get_by_role("textbox", name="text").press("Control+Enter")
    expect(page.get_by_role("heading", name="billing")).to_be_visible(timeout=PATIENCE)
    no_trace(page)

    download(page, tmp_path)
    said = [["My shipment is late by a week."], ["The user name keeps sending me back to the start."]]
    answer = np.array(ask_elsewhere(tmp_path, {"text": ("text", said)})["queue"])
    assert [QUEUES[place] for place in answer.argmax(axis=1)] == ["delivery", "login"]


def test_a_series_is_forecast_beside_the_naive_lines_and_the_file_goes_on_from_own_values(visitor, tmp_path):
    page = open_page(visitor, "/")
    page.get_by_role("radio", name="Sound and series").click()
    page.locator(".st-key-open_sunspots button").click()
    train(page)
    wait_until_finished(page)
    expect(page.get_by_text(re.compile("without any model, the last value")).first).to_be_visible(timeout=PATIENCE)
    open_tab(page, "Try")
    expect(page.get_by_text(re.compile("What really came: ")).first).to_be_visible(timeout=PATIENCE)
    no_trace(page)

    download(page, tmp_path)
    seen = [[[80 + 70 * np.sin(2 * np.pi * year / 11)] for year in range(22)]]
    told = ask_elsewhere(tmp_path, {"series": ("number", seen)})
    (forecast,) = told["sunspots"]
    assert len(forecast) == 2
    assert all(-60 < value < 260 for value in forecast)


def test_a_family_opens_from_its_page_in_learn_and_draws_new_pictures(visitor, tmp_path):
    page = open_page(visitor, "/learn?family=vae")
    page.locator(".st-key-learn_open button").click()
    train(page)
    wait_until_finished(page)
    expect(page.get_by_text(re.compile("Among 500 drawings")).first).to_be_visible(timeout=PATIENCE)
    open_tab(page, "Try")
    expect(page.get_by_text("16 new pictures, none of them from the data.")).to_be_visible(timeout=PATIENCE)
    no_trace(page)

    download(page, tmp_path, "decoder")
    codes = np.random.default_rng(1).normal(size=(3, 2)).tolist()
    drawn = np.array(ask_elsewhere(tmp_path, {"code": ("number", codes)}, "decoder")["picture"])
    assert drawn.shape == (3, 8, 8, 1)
    assert drawn.min() >= 0
    assert drawn.max() <= 255
    assert np.ptp(drawn, axis=0).max() > 20, "other codes, other pictures"


def test_closing_the_page_and_restarting_the_server_lose_nothing(visitor, server):
    page = open_page(visitor, "/")
    expect(page.locator(".st-key-open_emoji button")).to_be_visible(timeout=PATIENCE)
    owner = owner_of({cookie.get("name", ""): cookie.get("value", "") for cookie in visitor.cookies()})
    assert owner
    recipe = Recipe.parse("data: {sample: emoji}\nmodel: {architecture: cnn}\ntraining: {epochs: 500, patience: 500}")
    run = Executor(server.workspace).submit(recipe, owner)
    page.goto(f"/run?run={run}")
    expect(page.locator(".st-key-keep button")).to_be_visible(timeout=PATIENCE)
    expect(chart(page)).to_be_visible(timeout=PATIENCE)
    folder = server.workspace.run_folder(run)
    before = (folder / "metrics.jsonl").stat().st_size

    page.close()
    server.stop()
    server.start()
    second = open_page(visitor, f"/run?run={run}")
    expect(second.locator(".st-key-keep button")).to_be_enabled(timeout=PATIENCE)
    expect(chart(second)).to_be_visible(timeout=PATIENCE)
    assert (folder / "metrics.jsonl").stat().st_size > before
    assert json.loads((folder / "state.json").read_text(encoding="utf-8"))["attempt"] == 1

    second.locator(".st-key-keep button").click()
    wait_until_finished(second)
    expect(second.get_by_text(re.compile("Stopped by you after epoch")).first).to_be_visible(timeout=PATIENCE)
    no_trace(second)


def test_a_foreign_run_and_an_unknown_one_look_alike(visitor, server):
    foreign = Executor(server.workspace).submit(Recipe.parse("data: {sample: iris}\ntraining: {epochs: 1}"), "ada")
    for name in (foreign, "0" * 20):
        page = open_page(visitor, f"/run?run={name}")
        expect(page.get_by_text("There is no such run here.").first).to_be_visible(timeout=PATIENCE)


def test_an_upload_whose_connection_breaks_goes_on_by_itself_and_arrives_whole(visitor, server, tmp_path):
    rows = "size,kind\n" + "".join(f"{number},{'xy'[number % 2]}\n" for number in range(400))
    (tmp_path / "broken.csv").write_text(rows)
    page = open_page(visitor, "/build")
    broken = []

    def meddle(route):
        if route.request.method == "PUT" and len(broken) < 2:
            broken.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/uploads/**", meddle)
    upload(page, tmp_path / "broken.csv")
    expect(page.locator(".uploader .pause")).to_contain_text("The connection broke; trying again", timeout=PATIENCE)
    expect(page.get_by_text("400 rows · 2 columns")).to_be_visible(timeout=PATIENCE)
    assert len(broken) == 2
    (arrived,) = (server.workspace.root / "uploads").rglob("broken.csv")
    assert arrived.read_text() == rows
    no_trace(page)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("header.csv", b"height,weight,kind\n", "row"),
        ("sheet.zip", b"Rar!\x1a\x07\x00 not a zip at all", "zip"),
    ],
)
def test_a_bad_upload_is_refused_in_one_sentence(visitor, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    page = open_page(visitor, "/build")
    upload(page, tmp_path / name)
    told = page.get_by_test_id("stAlert").or_(page.locator(".uploader .told:visible")).first
    expect(told).to_contain_text(words, ignore_case=True, timeout=PATIENCE)
    assert "Traceback" not in told.inner_text()
    no_trace(page)
