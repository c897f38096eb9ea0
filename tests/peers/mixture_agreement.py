#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mixtures of Gaussians beside scikit-learn's GaussianMixture: mixture_agreement.py MIXTURE_RUN

Both start from the clusters of the same centroids and run the same number of iterations with the same
regularisation, on samples drawn here and on scikit-learn's handwritten digits. Both compute in double; the
digits have columns without variance, so that covariances are as ill-conditioned as the regularisation lets
them be (1e6), which costs 6 of 16 digits: the mean log-likelihood must agree to 1e-9 of its size, and 99.9 %
of the labels must be equal. Skipped (77)
without numpy and scikit-learn.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

try:
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.mixture import GaussianMixture
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

ITERATIONS = 20
REGULARISATION = 1e-6
SHARE_OF_LIKELIHOOD = 1e-9
LEAST_EQUAL = 0.999


def drawn_samples():
    """Five overlapping Gaussians in 8 dimensions, each stretched its own way."""
    random = numpy.random.default_rng(1)
    groups = [random.normal(size=(600, 8)) @ random.normal(size=(8, 8)) + 3 * random.normal(size=8)
              for _ in range(5)]
    return numpy.concatenate(groups), 5


def digit_samples():
    return load_digits().data, 10


def covariances_of(samples, shares, means, kind, ridge):
    identity = numpy.eye(samples.shape[1])
    scatters = [(shares[:, k, None] * (samples - mean)).T @ (samples - mean)
                for k, mean in enumerate(means)]
    masses = shares.sum(0)
    if kind == "tied":
        return sum(scatters) / len(samples) + ridge * identity
    full = numpy.array([scatter / mass + ridge * identity
                        for scatter, mass in zip(scatters, masses)])
    return full if kind == "full" else numpy.trace(full, axis1=1, axis2=2) / samples.shape[1]


def fit_theirs(samples, start, kind):
    """From the parameters that the nearest centroids give."""
    ridge = REGULARISATION * samples.var(0).mean()
    distances = ((samples[:, None] - start) ** 2).sum(2)
    shares = numpy.eye(len(start))[distances.argmin(1)]
    means = shares.T @ samples / shares.sum(0)[:, None]
    covariances = covariances_of(samples, shares, means, kind, ridge)
    precisions = 1 / covariances if kind == "spherical" else numpy.linalg.inv(covariances)
    model = GaussianMixture(len(start), covariance_type=kind, tol=0, max_iter=ITERATIONS,
                            reg_covar=ridge, weights_init=shares.mean(0), means_init=means,
                            precisions_init=precisions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged is what was asked for
        begin = time.time()
        model.fit(samples)
    return model.score(samples), model.predict(samples), time.time() - begin


def fit_ours(program, samples, start, kind):
    with tempfile.TemporaryDirectory() as folder:
        samples.astype(numpy.float32).tofile(pathlib.Path(folder, "samples.f32"))
        start.astype(numpy.float32).tofile(pathlib.Path(folder, "start.f32"))
        done = subprocess.run([program, folder, str(samples.shape[1]), str(len(start)), kind,
                               str(ITERATIONS)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        labels = numpy.fromfile(pathlib.Path(folder, "labels.u32"), numpy.uint32)
    figures = json.loads(done.stdout)
    return figures["log_likelihood"], labels, figures["seconds"]


def compare(program, name, samples, clusters, kind):
    samples = samples.astype(numpy.float32).astype(float)
    random = numpy.random.default_rng(2)
    start = samples[random.choice(len(samples), clusters, replace=False)]
    start = start + random.normal(scale=0.01, size=start.shape)  # no digit is as near to two of them
    start = start.astype(numpy.float32).astype(float)
    ours, our_labels, our_seconds = fit_ours(program, samples, start, kind)
    theirs, their_labels, their_seconds = fit_theirs(samples, start, kind)
    equal = float((our_labels == their_labels).mean())
    print(json.dumps({"samples": name, "covariance": kind, "ours": ours, "theirs": theirs,
                      "equal": equal, "seconds": round(our_seconds, 3),
                      "seconds_theirs": round(their_seconds, 3)}), flush=True)
    return abs(ours - theirs) <= SHARE_OF_LIKELIHOOD * abs(theirs) and equal >= LEAST_EQUAL


def main(program):
    agreed = [compare(program, name, *make(), kind)
              for name, make in (("drawn", drawn_samples), ("digits", digit_samples))
              for kind in ("spherical", "tied", "full")]
    sys.exit(0 if all(agreed) else 1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
