# SPDX-License-Identifier: Apache-2.0
"""What `alt_las profile run` puts into Python programs."""
