# Pages are installed as documentation.
