"""Muon for convolutions: updates are orthogonalised, so that all singular directions count alike.

Plain gradient steps move a kernel mostly along the few directions that the last
batches agree on. Muon takes the momentum of a kernel as a matrix [fan_in,
channels], replaces its singular values by about 1 and steps by that, so that
rare directions learn as fast as common ones. Here that halves the passes over
the photos to the same accuracy (`benchmarks/time_to_accuracy/LOG.md`).

Sources: the method and the coefficients, Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon/ ; for image networks, arXiv:2404.00498.
`keras.optimizers.Muon` (3.15) leaves convolutions to Adam and iterates on the
whole matrix.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

# Of the quintic x -> a x + b x^3 + c x^5 that pulls all of (0, 1] towards 1 within a few
# rounds; the values then are between about 0.5 and 1.2, which is near enough.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ROUNDS = 4
_TINY = 1e-7


class Muon(keras.optimizers.Optimizer):
    """Orthogonalised momentum for kernels of convolutions, Nesterov momentum for the rest.

    A step of learning rate r changes a kernel by about r times the norm it was
    initialised with (He initialisation), whatever its gradient's size. Biases and
    scales, the first layer's kernel (3 input channels are too few to orthogonalise)
    and the last layer's follow Nesterov momentum with `rest_factor` times r.

    Steps of one length make kernels ever larger, which batch normalisation turns
    into ever smaller changes of the network's output. So orthogonalised kernels
    decay by r times `weight_decay` a step (arXiv:1711.05101).
    """

    def __init__(
        self,
        learning_rate: float = 0.12,
        momentum: float = 0.9,
        rest_factor: float = 5 / 3,
        weight_decay: float = 1 / 60,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name="muon")
        self.momentum = momentum
        self.rest_factor = rest_factor
        self.kernel_decay = weight_decay  # Keras' own `weight_decay` would shrink all variables

    def build(self, variables: list[keras.Variable]) -> None:
        """Create one momentum per variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums = [
            self.add_variable_from_reference(variable, name="momentum") for variable in variables
        ]

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable in place; gradient and variable have one shape."""
        momentum = self._momentums[self._get_variable_index(variable)].value
        gradient, rate = tf.cast(gradient, tf.float32), tf.cast(learning_rate, tf.float32)
        momentum.assign(self.momentum * momentum + gradient)
        update = gradient + self.momentum * momentum
        if not is_orthogonalised(variable.shape):
            variable.assign_sub(rate * self.rest_factor * update)
            return
        channels = variable.shape[-1]
        fan_in = math.prod(variable.shape[:-1])
        matrix = orthogonalised(tf.reshape(update, (fan_in, channels)))
        # From the norm of `matrix` to that of a kernel of variance 2 / fan_in.
        scale = math.sqrt(2 * channels / min(fan_in, channels))
        change = scale * tf.reshape(matrix, variable.shape) + self.kernel_decay * variable
        variable.assign_sub(rate * change)


def is_orthogonalised(shape: tuple[int, ...]) -> bool:
    """Return whether this is the shape of a convolution's kernel, the first one's excepted."""
    return len(shape) == 4 and shape[2] > 3


def orthogonalised(matrix: tf.Tensor) -> tf.Tensor:
    """Compute the matrix with the same singular vectors and all singular values near 1.

    The iteration x <- (aI + bA + cA^2) x with A = x x^T runs on A alone, which
    is small: A <- Z A Z for the same Z, and x is multiplied once at the end by
    the product of all Z. In exact arithmetic that is the same; A stays in
    float32, since it holds squares.

    Args:
        matrix: float32, shape [m, n].

    Returns:
        float32, shape [m, n]; a matrix of zeros stays one.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = tf.cast(matrix / (tf.norm(matrix) + _TINY), tf.bfloat16)
    gram = tf.cast(tf.matmul(x, x, transpose_a=is_tall, transpose_b=not is_tall), tf.float32)
    identity = tf.eye(gram.shape[0])
    product = _factor(gram, identity)
    factor = product
    for _ in range(_ROUNDS - 1):
        gram = tf.matmul(gram, tf.matmul(factor, factor))
        factor = _factor(gram, identity)
        product = tf.matmul(product, factor)
    product = tf.cast(product, tf.bfloat16)
    result = tf.matmul(x, product) if is_tall else tf.matmul(product, x)
    return tf.cast(result, tf.float32)


def _factor(gram: tf.Tensor, identity: tf.Tensor) -> tf.Tensor:
    """Compute the factor of one round, Z = aI + bA + cA^2."""
    return _A * identity + _B * gram + _C * tf.matmul(gram, gram)
