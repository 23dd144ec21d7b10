//! A store in memory that takes so many bytes and no more.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Debug)]
pub(super) struct Full {
    inner: InMemory,
    room: Mutex<u64>,
}

impl Default for Full {
    fn default() -> Self {
        Full { inner: InMemory::new(), room: Mutex::new(u64::MAX) }
    }
}

impl Full {
    pub(super) fn set_room(&self, bytes: u64) {
        *self.room.lock().unwrap() = bytes;
    }

    /// Bytes taken since the room was without end.
    pub(super) fn taken(&self) -> u64 {
        u64::MAX - *self.room.lock().unwrap()
    }

    pub(super) fn files(&self) -> usize {
        use futures::StreamExt;
        futures::executor::block_on(self.inner.list(None).count())
    }
}

impl std::fmt::Display for Full {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("full")
    }
}

#[async_trait]
impl ObjectStore for Full {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let left = self.room.lock().unwrap().checked_sub(payload.content_length() as u64);
        let Some(left) = left else {
            return Err(Error::Generic { store: "full", source: "no space left on device".into() });
        };
        *self.room.lock().unwrap() = left;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, at: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[std::ops::Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
