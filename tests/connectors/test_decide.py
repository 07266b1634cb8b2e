from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.decide import MAX_EDITS, Listing, SeenIndex, decide
from connectors.entry import Entry
from tests.connectors.making import NOW, PROVENANCE, SOURCE, Memory, entry, listing


def test_an_entry_is_published_once() -> None:
    memory = Memory()
    assert len(memory.decide([entry()], listing())) == 1
    assert memory.decide([entry()], listing()) == ()
    assert memory.counts == {"seen": 1}


def test_an_edit_is_a_new_version_of_the_same_article() -> None:
    memory = Memory()
    (first,) = memory.decide([entry(text="Trois morts.")], listing())
    (second,) = memory.decide([entry(text="Quatre morts.")], listing(fetched=NOW + timedelta(hours=1)))
    assert second.article_id == first.article_id
    assert second.version != first.version
    assert second.revision > first.revision


def test_an_edit_undone_is_a_version_again() -> None:
    memory = Memory()
    for text in ("A.", "B."):
        assert len(memory.decide([entry(text=text)], listing())) == 1
    assert len(memory.decide([entry(text="A.")], listing())) == 1


def test_two_feeds_of_a_source_that_word_an_article_differently_do_not_take_turns() -> None:
    memory = Memory()
    short, long = listing("https://j.example/short"), listing("https://j.example/long")
    published = [len(memory.decide([entry(text="Court.")], short))]
    for _ in range(3):
        published.append(len(memory.decide([entry(text="Long, avec des détails.")], long)))
        published.append(len(memory.decide([entry(text="Court.")], short)))
    assert published == [1, 0, 0, 0, 0, 0, 0]
    assert len(memory.decide([entry(text="Long, corrigé.")], long)) == 1


def test_the_link_without_tracking_stands_in_for_a_missing_guid() -> None:
    memory = Memory()
    memory.decide([entry(None, url="https://j.example/articles/1?utm_source=rss")], listing())
    assert memory.decide([entry(None, url="https://j.example/articles/1?fbclid=9")], listing()) == ()


def test_without_guid_and_link_the_content_is_the_identity() -> None:
    memory = Memory()
    assert len(memory.decide([entry(None, title="A"), entry(None, title="B")], listing())) == 2
    assert memory.decide([entry(None, title="B"), entry(None, title="A")], listing()) == ()


def test_a_site_that_moves_to_https_and_another_host_brings_no_article_twice() -> None:
    memory = Memory()
    (before,) = memory.decide([entry("http://www.j.example/2026/03/greve", text="A.")], listing())
    assert memory.decide([entry("https://j.example/2026/03/greve", text="A.")], listing()) == ()
    (edited,) = memory.decide([entry("https://j.example/2026/03/greve", text="B.")], listing())
    assert edited.article_id == before.article_id


def test_two_hosts_with_the_same_path_are_two_articles() -> None:
    memory = Memory()
    one, two = "https://a.example/news/index/1", "https://b.example/news/index/1"
    assert len(memory.decide([entry(None, url=one, title="Un"), entry(None, url=two, title="Deux")], listing())) == 2
    assert memory.decide([entry(None, url=one, title="Un"), entry(None, url=two, title="Deux")], listing()) == ()
    alone = Memory()
    alone.decide([entry(None, url=one, title="Un")], listing())
    assert len(alone.decide([entry(None, url=two, title="Deux")], listing())) == 1


def test_the_same_guid_on_two_articles_makes_two_and_they_keep_their_ids() -> None:
    memory = Memory()
    one = entry("0", url="https://j.example/1", title="Un")
    two = entry("0", url="https://j.example/2", title="Deux")
    both = memory.decide([one, two], listing())
    assert len({article.article_id for article in both}) == 2
    assert memory.decide([two], listing()) == ()
    assert memory.decide([one], listing()) == ()
    assert memory.decide([two, one], listing()) == ()


def test_a_newcomer_with_a_guid_in_use_does_not_rename_its_holder() -> None:
    memory = Memory()
    one = entry("0", url="https://j.example/1", title="Un")
    (first,) = memory.decide([one], listing())
    (second,) = memory.decide([entry("0", url="https://j.example/2", title="Deux"), one], listing())
    assert second.title == "Deux"
    assert second.article_id != first.article_id


def test_the_same_entry_twice_in_a_feed_counts_once() -> None:
    memory = Memory()
    assert len(memory.decide([entry(text="Neuf."), entry(text="Vieux.")], listing())) == 1
    assert memory.counts == {"new": 1, "repeated": 1}


def test_endless_edits_of_a_feed_come_to_an_end_and_are_told() -> None:
    memory = Memory()
    published = sum(len(memory.decide([entry(text=f"il y a {n} min")], listing())) for n in range(3 * MAX_EDITS))
    assert published == MAX_EDITS + 1
    assert memory.counts == {"edits_refused": 1}
    assert "edits" in memory.refused[0][1]


def test_later_lines_of_a_file_are_later_versions() -> None:
    where = Listing("folder:x", SOURCE, "folder", NOW, repeats="versions")
    memory = Memory()
    texts = [f"état {n}" for n in range(20)]
    articles = memory.decide([entry(text=text) for text in texts], where)
    assert [article.text for article in sorted(articles, key=lambda article: article.revision)] == texts
    assert memory.decide([entry(text=texts[-1])], where) == ()


def test_a_line_may_name_its_own_source() -> None:
    where = Listing("folder:x", SOURCE, "folder", NOW, repeats="versions")
    named = Entry(origin="a.jsonl:1", guid="1", text="A.", source_id="afp.example", language="fr")
    (article,) = Memory().decide([named], where)
    assert article.source.id == "afp.example"


def test_an_entry_that_fits_no_article_is_refused_and_the_others_pass() -> None:
    bad = Entry(origin="entrée 1", guid="1", text="A.", language="FRANÇAIS")
    memory = Memory()
    assert [article.identity.guid for article in memory.decide([bad, entry("2")], listing())] == ["2"]
    assert memory.refused[0][0] == "entrée 1"
    assert "language" in memory.refused[0][1]


_ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from([None, "a", "b", "https://j.example/articles/a"]),
        title=st.sampled_from(["", "T", "U"]),
        text=st.sampled_from(["x", "y"]),
        url=st.sampled_from([None, "https://j.example/articles/1", "http://k.example/articles/1", "not a url"]),
    ),
    max_size=8,
)


@given(st.lists(_ENTRIES, max_size=4))
def test_a_feed_polled_twice_in_the_same_words_publishes_nothing_the_second_time(polls: list[list[Entry]]) -> None:
    memory = Memory()
    for entries in polls:
        memory.decide(entries, listing())
        assert memory.decide(entries, listing()) == ()


@given(_ENTRIES)
def test_deciding_twice_from_the_same_knowledge_gives_the_same_ids(entries: list[Entry]) -> None:
    def ids() -> list[tuple[str, str]]:
        return [(article.article_id, article.version) for article in Memory().decide(entries, listing())]

    assert ids() == ids()
    assert len(set(ids())) == len(ids())


def test_a_clock_set_back_does_not_make_an_edit_older_than_what_it_edits() -> None:
    memory = Memory()
    (first,) = memory.decide([entry(text="A.")], listing())
    (second,) = memory.decide([entry(text="B.")], listing(fetched=NOW - timedelta(hours=1)))
    assert second.revision > first.revision


def test_a_withdrawal_or_correction_counts_whoever_brings_it_and_other_words_do_not() -> None:
    for status in ("killed", "corrected"):
        memory = Memory()
        (first,) = memory.decide([entry(text="Faux.")], listing())
        folder = Listing("folder:x", SOURCE, "folder", NOW - timedelta(hours=1), repeats="versions")
        notice = replace(entry(text="Retiré."), status=status)
        (second,) = memory.decide([notice], folder)
        assert (second.article_id, second.status) == (first.article_id, status)
        assert second.revision > first.revision  # although this listing's clock is an hour behind
        assert memory.decide([notice], folder) == ()
        assert memory.decide([entry(text="Faux.")], listing()) == ()


def test_a_version_that_the_publisher_numbers_lower_comes_too_late() -> None:
    memory = Memory()
    second = replace(entry(text="Deuxième version."), publisher_version=2)
    assert len(memory.decide([second], listing())) == 1
    assert memory.decide([replace(entry(text="Première version."), publisher_version=1)], listing()) == ()
    assert memory.counts == {"outdated": 1}
    assert memory.decide([replace(second, publisher_version=3)], listing()) == ()  # the same words, a higher number
    assert memory.decide([replace(entry(text="Deuxième bis."), publisher_version=2)], listing()) == ()
    assert len(memory.decide([entry(text="Sans numéro.")], listing())) == 1
    killed = replace(entry(text=""), publisher_version=4, status="killed")
    (article,) = memory.decide([killed], listing())
    assert (article.status, article.publisher_version) == ("killed", 4)
    elsewhere = Listing("folder:x", SOURCE, "folder", NOW, repeats="versions")
    assert memory.decide([replace(entry(text="Troisième."), publisher_version=3)], elsewhere) == ()


def test_an_entry_that_stands_in_the_listing_unread_is_not_taken_for_one_that_moved() -> None:
    memory = Memory()
    old = entry(None, url="http://a.example/2026/article-un")
    memory.decide([old], listing())
    moved = entry(None, url="https://b.example/2026/article-un")
    still_there = replace(listing(), unread=frozenset({(SOURCE.id, "http://a.example/2026/article-un")}))
    assert len(memory.decide([moved], still_there)) == 1
    memory = Memory()
    memory.decide([old], listing())
    assert memory.decide([moved], listing()) == ()


def test_a_decision_says_of_which_entry_each_article_was_made() -> None:
    entries = [entry("1"), entry("2", text="Autre."), entry("1")]
    decision = decide(entries, SeenIndex(), listing(), PROVENANCE)
    assert [made.guid for made in decision.entries] == ["1", "2"]
    assert [article.identity.guid for article in decision.articles] == ["1", "2"]


def test_the_raw_hash_of_an_entry_is_remembered_as_it_changes() -> None:
    memory = Memory()
    memory.decide([replace(entry(), raw_hash="aa")], listing())
    assert memory.decide([replace(entry(), raw_hash="bb")], listing()) == ()
    assert {row.raw_hash for row in memory.index.rows()} == {"bb"}
