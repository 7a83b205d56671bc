"""Too much, or garbage, on the import page: refused before it costs anything."""

import io
import json
import tracemalloc
import zipfile

import pytest

from apps.prompts.bundles import MOST_BYTES, MOST_FILES, TextFile, pack
from tests.prompts.test_import_page import FILE, URL, look, steps, upload

pytestmark = pytest.mark.django_db


class TestTooMuch:
    def refusal(self, client, **posted):
        answer = client.post(URL, posted)
        assert answer.status_code == 200
        assert answer.context["plan"] is None
        found = answer.context["form"].errors.values()
        return " ".join(fault for faults in found for fault in faults)

    def test_nothing(self, desk):
        assert "Choose a file or paste" in self.refusal(desk)
        assert "empty" in self.refusal(desk, chosen=upload(""))

    def test_too_many_bytes_or_files(self, desk):
        big = "x" * (MOST_BYTES // 2 + 1)
        many = pack([TextFile(f"{n}.prompt", b"x") for n in range(MOST_FILES + 1)])

        assert "bytes in all" in self.refusal(desk, chosen=[upload(big), upload(big)])
        assert "at most" in self.refusal(desk, text="x" * (MOST_BYTES + 1))
        assert f"More than {MOST_FILES} files" in self.refusal(desk, chosen=upload(many))

    def test_a_small_zip_of_something_huge(self, desk):
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as held:
            held.writestr("a.prompt", b"\0" * 50_000_000)
        assert bomb.tell() < 100_000

        assert "bytes in all" in self.refusal(desk, chosen=upload(bomb.getvalue()))

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_a_zip_that_could_be_unpacked_only_at_once(self, desk, method):
        """Of 260 bytes; one of 40 KB would be gigabytes."""
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", method) as held:
            held.writestr("a.prompt", b"\0" * 50_000_000)
        tracemalloc.start()
        told = self.refusal(desk, chosen=upload(bomb.getvalue()))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert "“deflate”" in told
        assert most < 10_000_000

    def test_a_zip_whose_names_are_no_text(self, desk):
        good = pack([TextFile("é.prompt", FILE.encode())])

        told = self.refusal(desk, chosen=upload(good.replace("é".encode(), b"\xff\xff")))
        assert "no zip that can be read" in told

    def test_a_long_name_above_many_items(self, desk):
        """The place of each was kept with the whole name: gigabytes of 400 KB."""
        text = json.dumps({"slug": "gift", "x" * 4_000: [0] * 20_000})
        tracemalloc.start()
        [step] = steps(look(desk, text))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert step.effect == "refused"
        assert most < 50_000_000

    @pytest.mark.parametrize("field", ["messages", "variables", "tools", "parameters", "fit"])
    @pytest.mark.parametrize("what", [5, True, "x", [[]], [{"function": {"name": []}}], 1e300])
    def test_a_field_of_any_shape(self, desk, field, what):
        hello = [{"role": "user", "content": "Hi."}]
        document = {"slug": "gift", "model": "small", "messages": hello, field: what}

        [step] = steps(look(desk, json.dumps(document)))
        assert step.faults

    def test_no_zip(self, desk):
        assert "no zip that can be read" in self.refusal(desk, chosen=upload(b"PK\x03\x04oops"))
