"""Every bound on a submission, in one place, with the reason for its value."""

MB = 2**20

# Time, in seconds of wall clock, measured by the parent.
CELL_SECONDS = 10.0  # a cell that defines functions takes milliseconds; a small training run fits
CELLS_SECONDS = 30.0  # all cells together, so that many slow cells cannot add up
EXERCISE_SECONDS = 10.0  # all cases of one exercise: a pure Python loop needs well under one
SUBMISSION_SECONDS = 120.0  # cells and exercises together, restarts included
GRACE_SECONDS = 1.0  # after a cell was interrupted, before its process is killed
START_SECONDS = 120.0  # importing torch on a cold and busy disk
CONTROL_SECONDS = 10.0  # an answer of the zygote, which only forks and kills
CPU_SECONDS = 300  # kernel's own stop for a process that the parent forgot

# Memory.
MEMORY_BYTES = 2048 * MB  # of all processes of a submission together; torch training needs ~0.5 GB
LIGHT_PROCESSES = 4  # of which the pages shared with the warm process (0.2 GB) do not count
SOCKET_BYTES = 8 * MB  # that a full socket may take: twice the kernel's net.core.wmem_max
ADDRESS_SPACE_BYTES = 3072 * MB  # per process, on top of what the warm interpreter has mapped:
# one large allocation fails with MemoryError, which costs its exercise and not the process
MEMORY_POLL_SECONDS = 0.05  # 2 GB cannot be touched much faster than this on one core

# Files and processes.
DISK_BYTES = 128 * MB  # the only writable place is a tmpfs of this size, so it is memory too
DISK_INODES = 4096
FILE_BYTES = 64 * MB
OPEN_FILES = 256
PROCESSES = 192  # threads count: torch.set_num_threads(64) has to fit twice

# What a submission may say.
CELL_OUTPUT_BYTES = 64 * 1024  # text of one cell; more is cut with a note
CELL_OUTPUTS = 50
IMAGE_BYTES = 1 * MB
CELL_IMAGES_BYTES = 4 * MB  # of one cell together, as base64; fits into one message
MESSAGE_CHARS = 400  # of an exception's text

# The pipe.
HEADER_BYTES = 8 * MB  # JSON part of one message
BLOB_BYTES = 64 * MB  # array part of one message; results in the exercises are kilobytes
NESTING = 16  # lists within lists
DIMENSIONS = 8
CALLBACKS = 20_000  # evaluations of a function that a probe hands in
# Such a function, or a stand-in for one of the student's, runs outside the wall: what it is given
# must not be able to keep it busy or to make it fill memory. Arguments of probes have below 500.
CALLBACK_ELEMENTS = 4096  # of all its arguments together; also the longest axis of an empty array
CALLBACK_BYTES = 64 * 1024  # of its result: the product of a column and a row can be large
CALLBACK_OBJECTS = 1000  # of ours (caches) that the student's side may hold in one exercise
RESTARTS = 24  # of the student's process: one for each exercise that crashed, one for each that is
# tried as its check saw it, some for cells

# Where the public files of the assignment are seen inside the wall.
MATERIAL = "/course"
