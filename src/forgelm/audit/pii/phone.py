"""Checks of telephone numbers: the country code exists and the rest has a length that country uses."""

from __future__ import annotations

import re

from forgelm.audit.pii.checksums import digits_of

FEWEST = 8

# Fewest and most digits after the country code in a subscriber's number, and the codes it holds for (ITU E.164 plans).
_PLANS = (
    (4, 7, "290 683 690 682 247 676 677 678 688 298 299 687 500"),
    (5, 8, "47 386 685 686 508 681 672 376 297 599 597"),
    (6, 11, "352 43 46 49 39 595 375 370"),
    (6, 10, "98 27 64 31 61 358 95 53 48 880 354 421 420 381 382 383 385 387 389 378 377 423 372 371 850 355"),
    (7, 7, "238 239 246 248 269 291 592 673 674 680 691 692 960"),
    (7, 9, "220 231 241 245 265 670 675 689 853 961 965 967 968 975 60"),
    (7, 10, "44 84 252 501 507 230 243 254 263 267 353 350 972 886 63 62 66 82 90 679 971 359 852 40"),
    (8, 8, "45 216 222 223 226 227 228 232 235 236 253 257 266 356 357 373 374 502 503 504 505 506 509 973 974"),
    (8, 8, "65 993"),
    (8, 10, "20 32 36 51 57 81 91 92 94 213 224 233 237 250 258 264 268 591 593 598 855 856 962 963 964 970 976 977"),
    (9, 9, "33 34 93 211 212 218 221 240 242 244 249 251 255 256 260 261 262 351 590 594 596 979 992 994"),
    (9, 9, "995 996 998 380"),
    (8, 11, "56 41 54 55 58 52 86 800 808 870 878 881 882 883 888"),
    (9, 10, "966"),
    (10, 10, "1 7 225 229"),
    (10, 11, "234 30"),
)  # fmt: skip
_LENGTHS = {code: (fewest, most) for fewest, most, codes in _PLANS for code in codes.split()}
_YEAR = re.compile(r"(?:19|20)[0-9]{2}$")
_GROUPS = re.compile(r"[0-9]+")


def international(value: str) -> bool:
    """``+`` and a country code that exists, then as many digits as that country's numbers have.

    A trunk ``(0)`` after the country code is not counted. Fewer than eight digits could be anything.
    """
    digits = digits_of(value.replace("(0)", "", 1))
    if len(digits) < FEWEST:
        return False
    for width in (1, 2, 3):
        fewest, most = _LENGTHS.get(digits[:width], (0, -1))
        if fewest <= len(digits) - width <= most:
            return True
    return False


def with_area(value: str) -> bool:
    """``(area) groups`` of 9 to 12 digits in all; the parentheses do not hold a year."""
    groups = _GROUPS.findall(value)
    return not _YEAR.match(groups[0]) and 9 <= sum(map(len, groups)) <= 12


def national(value: str) -> bool:
    """Groups of 8 to 14 digits in all that are not a date."""
    groups = _GROUPS.findall(value)
    if len(groups) == 3 and {len(groups[0]), len(groups[2])} == {2, 4} and len(groups[1]) == 2:
        return False
    return FEWEST <= sum(map(len, groups)) <= 14
