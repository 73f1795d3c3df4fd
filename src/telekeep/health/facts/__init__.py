"""Where the facts of each check come from: the disk, the kernel, git, the network. They judge nothing."""
