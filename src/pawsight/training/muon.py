"""Muon for convolutions: updates are orthogonalised, so that all singular directions are equal.

Gradient descent changes a kernel mostly along the few directions in which recent
batches agree. Muon takes the momentum of a kernel as a matrix [fan_in,
channels] and replaces its singular values by about 1, so that
rare directions learn as fast as frequent directions. Here it reaches the same accuracy
in half the epochs (`benchmarks/time_to_accuracy/LOG.md`).

Sources: the method and the coefficients, Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon/ ; for image networks, arXiv:2404.00498.
`keras.optimizers.Muon` (3.15) leaves convolutions to Adam and iterates on the
whole matrix.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

# Coefficients of the polynomial x -> a x + b x^3 + c x^5. A few iterations of it map the
# singular values in (0, 1] to about 0.5 to 1.2, which is close enough to 1.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 4
_EPSILON = 1e-7


class Muon(keras.optimizers.Optimizer):
    """Orthogonalised momentum for kernels of convolutions, Nesterov momentum for the rest.

    A step of learning rate r changes a kernel by about r times its norm after He
    initialisation, whatever the norm of its gradient. Nesterov momentum with learning
    rate r * `rest_factor` updates the biases and scales, the first kernel (3 input
    channels are too few to orthogonalise) and the kernel of the dense layer.

    Steps of constant length make kernels larger and larger, so that, because of batch
    normalisation, a step changes the network's output less and less. Therefore
    orthogonalised kernels decay by r * `weight_decay` per step (arXiv:1711.05101).
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
        self.kernel_decay = weight_decay  # `weight_decay` of Keras would decay all variables

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
        """Update one variable in place by a gradient of the same shape."""
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
    """Return whether a variable is the kernel of a convolution other than the first."""
    return len(shape) == 4 and shape[2] > 3


def orthogonalised(matrix: tf.Tensor) -> tf.Tensor:
    """Compute the matrix with the same singular vectors and all singular values near 1.

    The iteration is x <- Z x with Z = aI + bA + cA^2 and A = x x^T. Only A, which is
    small, is iterated, as A <- Z A Z; x is multiplied by the product of all Z at the
    end. In exact arithmetic the result is the same. A stays in float32, since its
    entries are squares.

    Args:
        matrix: float32, shape [m, n].

    Returns:
        float32, shape [m, n]; zeros for a matrix of zeros.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = tf.cast(matrix / (tf.norm(matrix) + _EPSILON), tf.bfloat16)
    gram = tf.cast(tf.matmul(x, x, transpose_a=is_tall, transpose_b=not is_tall), tf.float32)
    identity = tf.eye(gram.shape[0])
    product = _factor(gram, identity)
    factor = product
    for _ in range(_ITERATIONS - 1):
        gram = tf.matmul(gram, tf.matmul(factor, factor))
        factor = _factor(gram, identity)
        product = tf.matmul(product, factor)
    product = tf.cast(product, tf.bfloat16)
    result = tf.matmul(x, product) if is_tall else tf.matmul(product, x)
    return tf.cast(result, tf.float32)


def _factor(gram: tf.Tensor, identity: tf.Tensor) -> tf.Tensor:
    """Compute the factor of one iteration, Z = aI + bA + cA^2."""
    return _A * identity + _B * gram + _C * tf.matmul(gram, gram)
