"""Where clips lie in the space of pooled embeddings: t-SNE for the eye, and neighbours counted in the space itself.

van der Maaten and Hinton (2008), "Visualizing data using t-SNE", JMLR 9. Goel et al. (2024), section 5.2, figure 3,
draw embeddings of Whisper and of CAMuLeNet on CREMA-D so. The plane keeps neighbours and distorts distances; so what is
counted is counted in the embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..corpora import Clip
from ..errors import ClipUnusable
from .frames import Utterance

Array = npt.NDArray[np.float64]

NEIGHBOURS = 10
PERPLEXITY = 30.0
COMPONENTS = 50  # to which principal components reduce an embedding first, as van der Maaten and Hinton do (30)
FEWEST = 3 * NEIGHBOURS


@dataclass(frozen=True)
class Neighbours:
    """The share of a clip's nearest neighbours that have the same label, or speaker, as it has.

    among    the values among which that is
    same     the mean over the clips; chance: the same for neighbours drawn at random
    """

    among: int
    same: float
    chance: float


@dataclass(frozen=True)
class Map:
    """Clips on a plane.

    clips      in the order of the rows of `places` (N, 2)
    labels, speakers  how near clips of the same kind lie in the embedding
    dimensions of an embedding
    divergence Kullback-Leibler divergence that t-SNE ended with
    """

    clips: tuple[Clip, ...]
    places: Array
    labels: Neighbours
    speakers: Neighbours
    dimensions: int
    divergence: float


def clip_embeddings(utterances: Sequence[Utterance]) -> tuple[list[Clip], Array]:
    """One embedding (N, K) for each clip with an utterance: the mean, weighted by the frames of its utterances."""
    by_clip: dict[Clip, list[Utterance]] = {}
    for one in utterances:
        by_clip.setdefault(one.clip, []).append(one)
    rows = [
        np.average([one.embedding for one in own], axis=0, weights=[len(one.weights) for one in own])
        for own in by_clip.values()
    ]
    return list(by_clip), np.array(rows, np.float64)


def neighbours(points: Array, names: Sequence[str], count: int = NEIGHBOURS) -> Neighbours:
    """How many of the `count` nearest neighbours (Euclidean) of each of points (N, K) have its name."""
    from sklearn.neighbors import NearestNeighbors

    array = np.array(names)
    found = NearestNeighbors(n_neighbors=count + 1).fit(points).kneighbors(points, return_distance=False)
    same = []
    for row, near in enumerate(found):
        others = [place for place in near if place != row][:count]
        same.append(float((array[others] == array[row]).mean()))
    _, counts = np.unique(array, return_counts=True)
    chance = float((counts / len(array) * (counts - 1) / (len(array) - 1)).sum())
    return Neighbours(len(counts), float(np.mean(same)), chance)


def map_clips(utterances: Sequence[Utterance], perplexity: float = PERPLEXITY, seed: int = 0) -> Map:
    """t-SNE of the clips' embeddings, each feature with unit variance. The same seed gives the same plane.

    ClipUnusable for too few clips.
    """
    clips, embeddings = clip_embeddings(utterances)
    least = max(FEWEST, int(3 * perplexity) + 1)
    if len(clips) < least:
        raise ClipUnusable(
            f"{len(clips)} clips with speech are too few for t-SNE with a perplexity of {perplexity:g}: at least "
            f"{least} are needed; take more speakers, or a smaller --perplexity (down to 5, with {FEWEST} clips)"
        )
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    spread = embeddings.std(0)
    standard = (embeddings - embeddings.mean(0))[:, spread > 0] / spread[spread > 0]
    parts = min(COMPONENTS, *standard.shape)
    reduced = PCA(parts, svd_solver="full").fit_transform(standard)
    fitting = TSNE(2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed)
    places = np.asarray(fitting.fit_transform(reduced), np.float64)
    return Map(
        tuple(clips),
        places,
        neighbours(standard, [clip.label for clip in clips]),
        neighbours(standard, [clip.speaker for clip in clips]),
        embeddings.shape[1],
        float(fitting.kl_divergence_),
    )
