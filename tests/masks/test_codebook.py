"""Against literal versions with loops in double precision."""

import numpy as np
import pytest
import torch

from drivegrid.masks.codebook import Codebook, ResidualCodebooks, commitment_loss


def literal_nearest(vector: np.ndarray, codes: np.ndarray) -> int:
    best, least = -1, np.inf
    for k, code in enumerate(codes):
        distance = sum((float(a) - float(b)) ** 2 for a, b in zip(vector, code, strict=True))
        if distance < least:
            best, least = k, distance
    return best


def with_codes(codes: list[list[float]], **settings: float) -> Codebook:
    book = Codebook(len(codes), len(codes[0]), **settings)
    book.codes.copy_(torch.tensor(codes))
    book.sums.copy_(book.codes)
    book.started.fill_(True)
    return book


@pytest.mark.parametrize("count", [0, 1, 300])
def test_each_vector_gets_the_nearest_code(count: int) -> None:
    torch.manual_seed(0)
    book = with_codes(torch.randn(17, 5).tolist()).eval()
    vectors = torch.randn(count, 5)

    numbers, quantised = book(vectors)

    expected = [literal_nearest(v, book.codes.numpy()) for v in vectors.numpy()]
    assert numbers.tolist() == expected
    torch.testing.assert_close(quantised, book.codes[expected])


def test_many_vectors_are_looked_up_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    book, vectors = with_codes(torch.randn(9, 3).tolist()).eval(), torch.randn(50, 3)
    at_once = book(vectors)[0]
    monkeypatch.setattr("drivegrid.masks.codebook.CHUNK", 7)
    assert book(vectors)[0].tolist() == at_once.tolist()


def test_a_step_of_the_averages_by_hand() -> None:
    book = with_codes([[0.0, 0.0], [10.0, 0.0]], decay=0.5, rare=0.0)

    numbers, quantised = book(torch.tensor([[1.0, 1.0], [3.0, 1.0], [8.0, 2.0]]))

    # The codes that were chosen are those from before the step.
    assert numbers.tolist() == [0, 0, 1]
    assert quantised.tolist() == [[0.0, 0.0], [0.0, 0.0], [10.0, 0.0]]
    # Sizes: (1 + 2) / 2 and (1 + 1) / 2; sums: ((0, 0) + (4, 2)) / 2 and ((10, 0) + (8, 2)) / 2.
    assert book.sizes.tolist() == [1.5, 1.0]
    assert book.sums.tolist() == [[2.0, 1.0], [9.0, 1.0]]
    torch.testing.assert_close(
        book.codes, torch.tensor([[2 / 1.5, 1 / 1.5], [9.0, 1.0]]), rtol=1e-4, atol=0
    )


def test_a_dead_code_starts_again_as_a_vector_of_the_batch() -> None:
    book = with_codes([[0.0], [100.0]], decay=0.5, rare=0.6)

    book(torch.tensor([[1.0], [1.0], [1.0], [1.0]]))

    # Sizes are 2.5 and 0.5; 0.5 is below 0.6 of the even 1.5.
    assert book.codes[1].tolist() == [1.0]
    assert book.sizes.tolist() == [2.5, 1.5]
    assert book.sums[1].tolist() == [1.5]


def test_first_codes_are_vectors_of_the_first_batch() -> None:
    torch.manual_seed(2)
    book, vectors = Codebook(4, 3, decay=1.0, rare=0.0), torch.randn(6, 3)
    book(vectors)
    apart = torch.cdist(book.codes, vectors)
    assert apart.amin(1).max() < 1e-3
    assert len(set(apart.argmin(1).tolist())) == 4


def test_fewer_vectors_than_codes_are_taken_again() -> None:
    book = Codebook(5, 1, rare=0.0)
    numbers, quantised = book(torch.tensor([[1.0], [2.0]]))
    assert quantised.tolist() == [[1.0], [2.0]] and len(set(numbers.tolist())) == 2


def test_codes_that_a_small_batch_cannot_fill_start_with_those_to_come() -> None:
    torch.manual_seed(4)
    book = Codebook(9, 2)
    batches = [torch.randn(3, 2) for _ in range(3)]
    for batch in batches:
        book(batch)
    everything = torch.cat(batches)
    apart = torch.cdist(book.codes, everything)
    assert len(set(apart.argmin(1).tolist())) == 9


def test_eval_mode_changes_nothing() -> None:
    torch.manual_seed(3)
    book = Codebook(8, 2)
    book(torch.randn(64, 2))
    before = {name: value.clone() for name, value in book.state_dict().items()}
    book.eval()(torch.randn(64, 2) + 5)
    assert all(torch.equal(before[name], value) for name, value in book.state_dict().items())


def test_training_moves_codes_to_the_middle_of_clusters() -> None:
    torch.manual_seed(4)
    middles = torch.tensor([[-3.0, 0.0], [0.0, 3.0], [3.0, 0.0], [0.0, -3.0]])
    book = Codebook(16, 2, decay=0.9)
    for _ in range(300):
        book(middles[torch.randint(4, (64,))] + 0.1 * torch.randn(64, 2))
    apart = torch.cdist(middles, book.codes).amin(1)
    assert apart.max() < 0.2


@pytest.mark.parametrize(("sizes", "count"), [([1, 1, 1], 3), ([1, 0, 1], 2), ([0, 5, 0], 1)])
def test_perplexity_counts_codes_in_use(sizes: list[float], count: float) -> None:
    book = Codebook(3, 1)
    book.sizes.copy_(torch.tensor(sizes))
    assert book.perplexity == pytest.approx(count)


def test_on_the_sphere_only_directions_count() -> None:
    book = with_codes([[1.0, 0.0], [0.0, 1.0]], on_sphere=True, decay=0.5, rare=0.0)
    numbers, quantised = book(torch.tensor([[0.1, 0.09], [5.0, 50.0]]))
    assert numbers.tolist() == [0, 1]
    assert quantised.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    torch.testing.assert_close(book.codes.norm(dim=1), torch.ones(2))


def test_lookups_do_not_alias_and_have_no_gradient() -> None:
    torch.manual_seed(5)
    book, vectors = Codebook(4, 3), torch.randn(4, 3, requires_grad=True)
    kept = vectors.detach().clone()
    _, quantised = book(vectors)
    codes = book.codes.clone()
    quantised.add_(1)
    assert torch.equal(vectors, kept) and torch.equal(book.codes, codes)
    assert not quantised.requires_grad


def test_residual_levels_equal_the_literal_version() -> None:
    torch.manual_seed(6)
    books, vectors = ResidualCodebooks(3, 8, 4), torch.randn(200, 4)
    for _ in range(5):
        books(vectors)
    books.eval()

    numbers, sums = books(vectors)

    tables = [level.codes.double().numpy() for level in books.levels]
    for vector, chosen, partial in zip(
        vectors.double().numpy(), numbers.tolist(), sums.double().numpy(), strict=True
    ):
        so_far = np.zeros(4)
        for level, table in enumerate(tables):
            assert chosen[level] == literal_nearest(vector - so_far, table)
            so_far = so_far + table[chosen[level]]
            np.testing.assert_allclose(partial[level], so_far, atol=1e-5)
    torch.testing.assert_close(books.lookup(numbers), sums[:, -1])
    assert books.levels[0].codes.data_ptr() != books.levels[1].codes.data_ptr()


def test_deeper_levels_come_nearer() -> None:
    torch.manual_seed(7)
    books, vectors = ResidualCodebooks(2, 32, 4), torch.randn(500, 4)
    for _ in range(50):
        books(vectors)
    _, sums = books.eval()(vectors)
    errors = (vectors[:, None] - sums).square().mean((0, 2))
    assert errors[1] < 0.6 * errors[0]


def test_commitment_by_hand_pulls_the_vectors_alone() -> None:
    vectors = torch.tensor([[1.0, 2.0]], requires_grad=True)
    sums = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]], requires_grad=True)
    loss = commitment_loss(vectors, sums)
    # Level 1: (1 + 4) / 2, level 2: (0 + 1) / 2; the mean of both.
    assert loss.item() == pytest.approx(1.5)
    loss.backward()
    assert vectors.grad is not None and vectors.grad.tolist() == [[0.5, 1.5]]
    assert sums.grad is None


def test_codes_near_by_are_the_nearest_at_each_level() -> None:
    torch.manual_seed(0)
    books = ResidualCodebooks(2, 8, 3)
    books(torch.randn(64, 3))
    books.eval()
    vectors = torch.randn(5, 3)
    assert books.nearby(vectors[:0], (3, 2)).shape == (0, 6, 2)
    found = books.nearby(vectors, (3, 2))
    assert found.shape == (5, 6, 2)
    assert torch.equal(found[:, 0], books(vectors)[0])
    one, two = (level.codes for level in books.levels)

    def nearest(vector, codes, count):
        return sorted(range(8), key=lambda i: float((vector - codes[i]).square().sum()))[:count]

    for vector, pairs in zip(vectors, found.tolist(), strict=True):
        slow = [[i, j] for i in nearest(vector, one, 3) for j in nearest(vector - one[i], two, 2)]
        assert pairs == slow
