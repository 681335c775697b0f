"""The ``forgelm`` command: parse, call one public function, render, exit."""
