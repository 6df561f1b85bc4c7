# A stand-in for python:3.12-slim-bookworm where no registry is reached; `BASE_IMAGE=local make images` makes its files
# of Debian's packages.
FROM scratch
ADD rootfs.tar /
CMD ["python3"]
