from tests.readme import PAGE, expected


def test_the_readme_lists_the_drivers_as_they_are():
    assert PAGE.read_text(encoding="utf-8") == expected(), "run: make readme"
